import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const CHILD = fileURLToPath(new URL('fuzz-child.ts', import.meta.url));

/** A seed shows one case again. Else so many are drawn. */
const SEED = process.env.SEED;
const FIRST_SEED = Number(SEED ?? randomInt(2 ** 31));
const CASES = SEED === undefined ? Number(process.env.FUZZ_RUNS ?? 100) : 1;

/** A case that takes longer hangs: it takes milliseconds, and on a machine that does much else a second. */
const CASE_MS_MAX = 30_000;

/** For what V8 keeps of a case, beside the buffers: see fuzz-child.ts for these. */
const HEAP_MIB_MAX = 192;

/** How the process with the cases ended, and with which. */
interface Ending {
  readonly why: string | undefined;
  readonly seed: number;
  readonly cases: number;
}

async function runCases(first: number, cases: number): Promise<Ending> {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MIB_MAX}`, '--import', 'tsx', CHILD, String(first), String(cases)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const closed = once(child, 'close');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let seed = first;
  let begun = 0;
  let hung: string | undefined;
  const watchdog = setTimeout(() => {
    hung = `It takes longer than ${CASE_MS_MAX} ms.`;
    child.kill('SIGKILL');
  }, CASE_MS_MAX);
  for await (const line of createInterface({ input: child.stdout })) {
    seed = Number(line);
    begun++;
    watchdog.refresh();
  }
  clearTimeout(watchdog);
  await closed;
  const isGood = child.exitCode === 0;
  return { why: isGood ? undefined : (hung ?? stderr), seed, cases: begun };
}

it('logs and data directories of any bytes at all break none of the tools', {
  timeout: 86_400_000,
}, async () => {
  const { why, seed, cases } = await runCases(FIRST_SEED, CASES);
  if (why !== undefined) {
    const again = `SEED=${seed} npx vitest run --project unit test/logtools/any-bytes.test.ts`;
    throw new Error(`Seed ${seed}: ${why}\nAgain: ${again}`);
  }
  expect(cases).toBe(CASES);
});

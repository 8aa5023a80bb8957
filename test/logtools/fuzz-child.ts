/**
 * Uses all tools on one case after the other: a process of its own, so that one that hangs can be ended, and so that what
 * the cases take of memory is not that of the tests. It says the seed of each case before it begins. What it breaks ends it.
 *
 *   node --import tsx test/logtools/fuzz-child.ts FIRST_SEED CASES
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fuzzLogs } from './fuzz-logs.ts';
import { tryAllTools } from './fuzz-tools.ts';
import { TempDir } from './temp-dir.ts';

/** No tool takes more than this at a time, whatever a log says: a chunk, a frame at its limit, and the room to double it. */
const ALLOCATION_BYTES_MAX = 16 * 1024 * 1024;

/** All cases together, with what the collector has not collected yet. */
const RESIDENT_KIB_MAX = 512 * 1024;

const [firstSeed, cases] = process.argv.slice(2).map(Number);
if (firstSeed === undefined || cases === undefined)
  throw new Error('Say the first seed, and how many cases.');
limitAllocations();
await using dir = await TempDir.make();
for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
  process.stdout.write(`${seed}\n`);
  await runCase(seed);
  const { maxRSS } = process.resourceUsage();
  if (maxRSS > RESIDENT_KIB_MAX)
    throw new Error(`The tools took ${Math.round(maxRSS / 1024)} MiB of memory.`);
}

async function runCase(seed: number): Promise<void> {
  const { files, logs, isNamedTruly } = fuzzLogs(seed);
  for (const [path, bytes] of files) await dir.write(join(String(seed), path), bytes);
  const [first, second] = logs;
  const at = (log: string) => join(dir.path, String(seed), log);
  await tryAllTools({ first: at(first), second: at(second), isNamedTruly });
  await rm(join(dir.path, String(seed)), { recursive: true });
}

/** Memory that is asked for and never touched is seen by no measure of the process. */
function limitAllocations(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name];
    Buffer[name] = (bytes: number) => {
      if (bytes > ALLOCATION_BYTES_MAX) throw new Error(`A tool asked for ${bytes} bytes at once.`);
      return original(bytes);
    };
  }
}

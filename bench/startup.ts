/**
 * How long a command takes to start: bare `node -e 0`, `raft --version` and `raft status` of a live cluster of three, in
 * turn, so that whatever else the machine does falls on all of them alike. Prints the medians and their ratios.
 *
 *   npm run build && npx tsx bench/startup.ts [rounds]
 */
import { spawnSync } from 'node:child_process';
import { withCluster } from './cluster.ts';
import { raftArguments } from './raft.ts';

interface Subject {
  readonly name: string;
  readonly args: readonly string[];
  /** At most this many times what bare node takes; undefined for bare node itself. */
  readonly limit: number | undefined;
}

const rounds = Number(process.argv[2] ?? 15);

await withCluster(3, ({ dir }) => {
  const subjects: readonly Subject[] = [
    { name: 'node -e 0', args: ['-e', '0'], limit: undefined },
    { name: 'raft --version', args: raftArguments('--version'), limit: 3 },
    { name: 'raft status', args: raftArguments('status', '--dir', dir), limit: 4.5 },
  ];
  const times = new Map(subjects.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, args } of subjects) times.get(name)?.push(timeOf(args));
  }
  const bareMs = median(times.get('node -e 0') ?? []);
  console.log(`median of ${rounds} in turn, node ${process.version}`);
  for (const { name, limit } of subjects) {
    const ms = median(times.get(name) ?? []);
    const ratio = ms / bareMs;
    const verdict = limit === undefined ? '' : `${ratio <= limit ? 'within' : 'ABOVE'} the limit of ${limit}`;
    console.log(
      `${name.padEnd(16)} ${ms.toFixed(0).padStart(5)} ms  ${ratio.toFixed(2).padStart(5)}  ${verdict}`,
    );
  }
});

/** How long a run of node with these arguments takes, in milliseconds. Throws where it fails. */
function timeOf(args: readonly string[]): number {
  const begunMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const ms = performance.now() - begunMs;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return ms;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

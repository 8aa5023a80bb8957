/**
 * How long `raft log verify` takes for a log of 7 million commands of 128 bytes (about 1 GB), on one core and with two
 * threads, beside a plain buffered reader in Go of the same file, on one core too. In turn, so that whatever else the
 * machine does falls on all of them alike. The log is written to a directory of its own below `DIR`, or below the one for
 * temporary files, and removed.
 *
 *   npm run build && npx tsx bench/verify.ts [rounds] [entries]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME_BYTES, writeLargeLog } from './large-log.ts';
import { plainEnvironment, raftArguments } from './raft.ts';

/** What one run of a program took. */
interface Run {
  readonly wallMs: number;
  /** Of all of its threads, in user and in system mode: other work on the machine adds little to it. */
  readonly cpuMs: number;
}

interface Subject {
  readonly name: string;
  readonly command: readonly string[];
  readonly runs: Run[];
}

const rounds = Number(process.argv[2] ?? 5);
const entries = Number(process.argv[3] ?? 7_000_000);
const directory = mkdtempSync(join(process.env.DIR ?? tmpdir(), 'raft-bench-verify-'));
try {
  await measure(directory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measure(dir: string): Promise<void> {
  const log = join(dir, 'large.log');
  const emptyLog = join(dir, 'empty.log');
  writeLargeLog(log, entries);
  writeFileSync(emptyLog, '');
  const reader = buildReader(dir);
  const verify = (path: string, threads: number) => [
    process.execPath,
    ...raftArguments('log', 'verify', path, '--threads', String(threads)),
  ];
  const go = reader === undefined ? undefined : subject('Go, one core', oneCore([reader, log]));
  const empty = subject('raft, empty log', oneCore(verify(emptyLog, 1)));
  const single = subject('raft, one core', oneCore(verify(log, 1)));
  const double = subject('raft, two threads', verify(log, 2));
  const subjects = [...(go === undefined ? [] : [go]), empty, single, double];
  for (let round = 0; round < rounds; round++) {
    for (const { command, runs } of subjects) runs.push(await timeOf(command));
  }
  const bytes = entries * FRAME_BYTES;
  console.log(`${entries} entries, ${bytes} bytes; medians of ${rounds} in turn, node ${process.version}`);
  for (const each of subjects) console.log(rowOf(each, await memoryMibOf(each.command), bytes));
  const startMs = median(empty, 'wallMs');
  for (const [one, other] of [
    [single, go],
    [double, go],
    [double, single],
  ] as const) {
    if (one === undefined || other === undefined) continue;
    const [oneMs, otherMs] = [median(one, 'wallMs'), median(other, 'wallMs')];
    const otherScanMs = other === go ? otherMs : otherMs - startMs;
    console.log(
      `${one.name} / ${other.name}: ${ratio(oneMs, otherMs)}; less the program's start ${ratio(oneMs - startMs, otherScanMs)}`,
    );
  }
}

function subject(name: string, command: readonly string[]): Subject {
  return { name, command, runs: [] };
}

/** Builds the reader in Go; undefined, with a word about it, where there is no Go. */
function buildReader(dir: string): string | undefined {
  const path = join(dir, 'reader');
  const { status, error, stderr } = spawnSync('go', ['build', '-o', path, '.'], {
    cwd: join(import.meta.dirname, 'go-reader'),
    encoding: 'utf8',
    env: { ...process.env, GOCACHE: join(dir, 'go-cache'), GOFLAGS: '-mod=mod' },
  });
  if (error === undefined && status === 0) return path;
  console.log(`There is no comparison with Go: ${error?.message ?? stderr} (Debian has it as golang-go.)`);
  return undefined;
}

/** The command on the first core alone, with all of its threads. */
function oneCore(command: readonly string[]): readonly string[] {
  return ['taskset', '-c', '0', ...command];
}

async function timeOf(command: readonly string[]): Promise<Run> {
  const begunMs = performance.now();
  const { ended } = start(command);
  const times = await ended;
  return { wallMs: performance.now() - begunMs, cpuMs: cpuMsOf(times) };
}

/** The most memory that a run holds, in MiB: of a run of its own, because whoever looks takes a part of a core. */
async function memoryMibOf(command: readonly string[]): Promise<number> {
  const { child, ended } = start(command);
  let memoryMib = 0;
  const sampling = setInterval(() => {
    memoryMib = Math.max(memoryMib, peakMemoryMib(childOf(child.pid)));
  }, 5);
  await ended.finally(() => clearInterval(sampling));
  return memoryMib;
}

/** Starts a command below a shell, which prints what its children took in the end. */
function start(command: readonly string[]): {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
} {
  const shell = ['-c', '"$@" > /dev/null && times', 'sh', ...command];
  const child = spawn('sh', shell, { stdio: ['ignore', 'pipe', 'inherit'], env: plainEnvironment() });
  let times = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (times += text));
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(times);
      else reject(new Error(`${command.join(' ')} ended with ${code}`));
    });
  });
  return { child, ended };
}

/** What the second line of `times` says, such as `0m1.20s 0m0.34s`: the children's time in user and in system mode. */
function cpuMsOf(times: string): number {
  const [, children = ''] = times.split('\n');
  let seconds = 0;
  for (const [, minutes, rest] of children.matchAll(/(\d+)m([\d.]+)s/g))
    seconds += 60 * Number(minutes) + Number(rest);
  return seconds * 1000;
}

function childOf(pid: number | undefined): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return Number(first);
  } catch {
    // There is none yet, or the system has no /proc.
    return undefined;
  }
}

function peakMemoryMib(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    // The process has ended meanwhile, or the system has no /proc.
    return 0;
  }
}

function rowOf(subject: Subject, memoryMib: number, bytes: number): string {
  const ms = median(subject, 'wallMs');
  const best = Math.min(...subject.runs.map(({ wallMs }) => wallMs));
  const columns = [
    subject.name.padEnd(18),
    `${ms.toFixed(0).padStart(6)} ms (best ${best.toFixed(0)})`,
    `${median(subject, 'cpuMs').toFixed(0).padStart(6)} ms of processor`,
    `${memoryMib.toFixed(0).padStart(4)} MiB`,
    subject.name.endsWith('empty log') ? '' : `${(bytes / ms / 1e6).toFixed(2)} GB/s`,
  ];
  return columns.join('  ').trimEnd();
}

function median({ runs }: Subject, measure: 'wallMs' | 'cpuMs'): number {
  const sorted = runs.map((run) => run[measure]).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ratio(part: number, whole: number): string {
  return (part / whole).toFixed(2);
}

import { logIndex, nodeId, term } from '../../src/lib/brands.ts';
import { concatBytes } from '../../src/lib/bytes.ts';
import { FRAME_COMMAND_BYTES_MAX } from '../../src/lib/limits.ts';
import { crc32 } from '../../src/logfmt/crc.ts';
import { encodeRawFrame, FRAME_FIELDS, type RawFrame } from '../../src/logfmt/frame.ts';
import { encodeIdentity } from '../../src/logfmt/identity.ts';
import { encodePeers } from '../../src/logfmt/peers-record.ts';
import { encodeCommitHint, encodeState } from '../../src/logfmt/records.ts';
import { fixture } from '../logfmt/logs.ts';
import { Dice } from '../support/fuzz-dice.ts';
import { type Content, entriesOf, NOOP } from './entries.ts';

/** Two logs that may have to do with each other: each a file of its own, or a data directory. */
export interface FuzzLogs {
  /** What is at each path below the directory of the case. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The paths of the two logs. */
  readonly logs: readonly [string, string];
  /** Each segment of the first is named by the index with which it has to begin. */
  readonly isNamedTruly: boolean;
}

type Frame = Omit<RawFrame, 'offset'>;

const UINT64_MAX = 2n ** 64n - 1n;
const HUGE: readonly [bigint, ...bigint[]] = [
  ...([2n ** 31n, 2n ** 32n, 2n ** 52n, 2n ** 52n + 1n, 2n ** 53n - 1n] as const),
  ...([2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, UINT64_MAX - 1n, UINT64_MAX] as const),
];

const FIXTURES = [
  ...(['seed-log/cluster-node1.log', 'seed-log/uint64-extremes.log', 'seed-log/mixed.log'] as const),
  ...([
    'damaged-log/torn-in-zeros.log',
    'damaged-log/two-bitflips.log',
    'damaged-log/garbage-tail.log',
  ] as const),
] as const;

/** What tends to upset a reader of commands. */
const COMMANDS: readonly [string, ...string[]] = [
  ...([
    'put a/b 1',
    'put a/b 2',
    'delete a/b',
    'get a',
    'put __proto__ x',
    'put constructor y\n',
    '',
  ] as const),
  ...([
    '{"op":"put","key":"k","value":"\\ud800"}',
    '{"op":"list"}',
    '{"op":',
    '{"op":"get","key":1}',
  ] as const),
  ...(['{"op":"cas","key":"k","expect":null,"value":"v"}', '\u0000\u001b[2J', '"a",b\r\n', '🌊'] as const),
];

/** The logs that a seed decides. */
export function fuzzLogs(seed: number): FuzzLogs {
  const dice = new Dice(`any bytes ${seed}`);
  const frames = trueFrames(dice);
  const files = new Map<string, Uint8Array>();
  const isNamedTruly = dice.chance(0.9) && frames[0]?.index === 1n;
  const first = addLog(dice, files, { name: 'a', frames, isNamedTruly });
  // Another log of the same cluster, as a rule, so that there is something to compare, and to repair from.
  const others = dice.chance(0.8) ? relatedFrames(dice, frames) : trueFrames(dice);
  const second = addLog(dice, files, { name: 'b', frames: others, isNamedTruly: true });
  return { files, logs: [first, second], isNamedTruly };
}

interface LogSource {
  readonly name: string;
  readonly frames: readonly Frame[];
  readonly isNamedTruly: boolean;
}

function addLog(dice: Dice, files: Map<string, Uint8Array>, source: LogSource): string {
  const { name, frames } = source;
  if (dice.chance(0.6)) {
    files.set(`${name}.log`, fileBytes(dice, frames));
    return `${name}.log`;
  }
  addDataDirectory(dice, files, source);
  return name;
}

/** The bytes of a file: noise, a recorded log, or frames; whole, or with damages of all kinds. */
function fileBytes(dice: Dice, frames: readonly Frame[]): Uint8Array {
  const kind = dice.integer(0, 19);
  if (kind === 0) return dice.bytes(dice.integer(0, 300));
  if (kind === 2) return encoded(dice, forkedFrames(dice, frames));
  const bytes = kind === 1 ? fixture(dice.pick(FIXTURES)) : encoded(dice, frames);
  return dice.chance(0.25) ? bytes : damagedBytes(dice, bytes);
}

/** A log as a cluster may have written it: indexes without a gap, terms that never go back. */
function trueFrames(dice: Dice): readonly Frame[] {
  const count = dice.chance(0.02) ? dice.integer(100, 400) : dice.integer(0, 12);
  let index = dice.chance(0.85) ? 1n : dice.chance(0.5) ? BigInt(dice.integer(2, 99)) : dice.pick(HUGE);
  let currentTerm = dice.chance(0.95) ? 1n : dice.pick(HUGE);
  const frames: Frame[] = [];
  for (let i = 0; i < count && index <= UINT64_MAX; i++) {
    if (dice.chance(0.2)) currentTerm += BigInt(dice.integer(1, 3));
    if (currentTerm > UINT64_MAX) break;
    frames.push({ index, term: currentTerm, command: commandOf(dice) });
    index++;
  }
  return frames;
}

/** The same log on another node: longer, shorter, or with another end. */
function relatedFrames(dice: Dice, frames: readonly Frame[]): readonly Frame[] {
  const kept = frames.slice(0, dice.chance(0.5) ? frames.length : dice.integer(0, frames.length));
  const last = frames.at(-1);
  if (last === undefined || last.index >= UINT64_MAX - 9n || dice.chance(0.5)) return kept;
  const next = (kept.at(-1)?.index ?? last.index) + 1n;
  const more = Array.from({ length: dice.integer(1, 5) }, (_, i) => ({
    ...{ index: next + BigInt(i), term: last.term, command: commandOf(dice) },
  }));
  return [...kept, ...more];
}

/** Two histories in one log: before entries of a new term stand those of the term before that they have replaced. */
function forkedFrames(dice: Dice, frames: readonly Frame[]): readonly Frame[] {
  const at = frames.findIndex(({ term: each }, i) => each > (frames[i - 1]?.term ?? each));
  const before = frames[at - 1];
  if (before === undefined) return frames;
  const replaced = frames
    .slice(at, at + dice.integer(1, 4))
    .map(({ index }) => ({ index, term: before.term, command: commandOf(dice) }));
  return [...frames.slice(0, at), ...replaced, ...frames.slice(at)];
}

function commandOf(dice: Dice): Uint8Array {
  const kind = dice.integer(0, 9);
  if (kind < 4) return nonEmpty(Buffer.from(dice.pick(COMMANDS)));
  if (kind === 4) return protocolCommand(dice);
  if (kind === 5) {
    // A mark of the protocol with any kind and body.
    const mark = Uint8Array.of(0x89, 0x52, 0x41, 0x46, 0x54, 0x0d, 0x0a, 0x1a, dice.integer(0, 5));
    return concatBytes([mark, dice.bytes(dice.integer(0, 70))]);
  }
  if (kind === 6 && dice.chance(0.02)) return new Uint8Array(FRAME_COMMAND_BYTES_MAX).fill(0x20 + kind);
  return nonEmpty(dice.bytes(dice.integer(1, 60)));
}

function protocolCommand(dice: Dice): Uint8Array {
  const voters = ['1', '2', '18446744073709551615'].slice(0, dice.integer(1, 3));
  const content = dice.pick<Content>([
    NOOP,
    { voters },
    { voters, oldVoters: ['3', '4'] },
    { session: dice.integer(1, 2), sequence: dice.integer(1, 3), text: dice.pick(COMMANDS) || 'x' },
  ]);
  return nonEmpty(entriesOf([[1, content]])[0]?.command ?? Uint8Array.of(1));
}

function nonEmpty(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? Uint8Array.of(0) : bytes;
}

/** Frames in a file, some of which may lie about themselves, with good checksums. */
function encoded(dice: Dice, frames: readonly Frame[]): Uint8Array {
  const isHonest = dice.chance(0.5);
  return concatBytes(
    frames.map((frame) => (isHonest || dice.chance(0.8) ? encodeRawFrame(frame) : lyingFrame(dice, frame))),
  );
}

/** A frame whose header says something that is not so. */
function lyingFrame(dice: Dice, frame: Frame): Uint8Array {
  const any = () => (dice.chance(0.5) ? dice.pick(HUGE) : BigInt(dice.integer(1, 9)));
  switch (dice.integer(0, 2)) {
    case 0:
      return encodeRawFrame({ ...frame, index: any() });
    case 1:
      return encodeRawFrame({ ...frame, term: any() });
    default: {
      const bytes = encodeRawFrame(frame);
      const view = new DataView(bytes.buffer);
      const size = frame.command.length;
      view.setUint32(
        FRAME_FIELDS.size,
        dice.pick([0, 1, Math.max(0, size - 1), size + 1, size + 30, FRAME_COMMAND_BYTES_MAX, 2 ** 32 - 1]),
        true,
      );
      if (dice.chance(0.5)) view.setUint32(FRAME_FIELDS.crc, crc32(bytes, FRAME_FIELDS.term), true);
      return bytes;
    }
  }
}

/** Bytes after one to four damages. */
function damagedBytes(dice: Dice, bytes: Uint8Array): Uint8Array {
  let damaged = Buffer.from(bytes);
  for (let times = dice.integer(1, 4); times > 0; times--) damaged = damagedOnce(dice, damaged);
  return damaged;
}

function damagedOnce(dice: Dice, bytes: Buffer): Buffer<ArrayBuffer> {
  const at = dice.integer(0, bytes.length);
  const end = Math.min(bytes.length, at + dice.integer(1, dice.chance(0.5) ? 8 : 200));
  const [before, between, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (dice.integer(0, 7)) {
    case 0:
      return Buffer.concat([before, between.map((byte) => byte ^ (1 << dice.integer(0, 7))), after]);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, between, between, after]);
    case 3:
      return Buffer.concat([before, dice.bytes(end - at), after]);
    case 4:
      return Buffer.concat([before, Buffer.alloc(dice.integer(1, 700)), after]);
    case 5:
      // What stands in one place stands in another too.
      return Buffer.concat([after, before]);
    case 6:
      return Buffer.concat([before, encoded(dice, trueFrames(dice)), between, after]);
    default:
      return Buffer.from(before);
  }
}

/** A node's data directory, of one to four segments, with small files beside that may be anything. */
function addDataDirectory(
  dice: Dice,
  files: Map<string, Uint8Array>,
  { name, frames, isNamedTruly }: LogSource,
): void {
  const cuts = Array.from({ length: dice.integer(0, 3) }, () => dice.integer(0, frames.length));
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), frames.length];
  for (const [i, from] of bounds.slice(0, -1).entries()) {
    const part = frames.slice(from, bounds[i + 1]);
    if (part.length === 0 && from > 0) continue;
    const isTrue = isNamedTruly || dice.chance(0.8);
    const first = isTrue ? (part[0]?.index ?? 1n) : dice.chance(0.5) ? dice.pick(HUGE) : 0n;
    const file = `${name}/log/${first.toString().padStart(20, '0')}.log`;
    files.set(file, dice.chance(0.6) ? encoded(dice, part) : fileBytes(dice, part));
    if (dice.chance(0.1)) files.set(`${file}.damaged-1`, dice.bytes(9));
  }
  const lastIndex = Number(frames.at(-1)?.index ?? 0n);
  const hint = logIndex(dice.chance(0.8) ? Math.min(2 ** 52, lastIndex) : dice.pick([0, 7, 2 ** 52]));
  const id = nodeId('1');
  const identity = {
    ...{
      formatVersion: 1 as const,
      clusterId: 'c'.repeat(32),
      id,
      name: 'node1',
      incarnation: 'i'.repeat(32),
    },
    peers: [{ id, url: 'http://127.0.0.1:7601' }],
  };
  addSmall(dice, files, `${name}/node.json`, encodeIdentity(identity));
  addSmall(dice, files, `${name}/state`, encodeState({ ...STATE, currentTerm: term(dice.integer(0, 9)) }));
  addSmall(dice, files, `${name}/commit`, encodeCommitHint(hint));
  addSmall(dice, files, `${name}/peers`, encodePeers(new Map([[id, 'i'.repeat(32)]])));
  if (dice.chance(0.1)) files.set(`${name}/lock`, dice.mutate(Buffer.from('{"pid":1,"id":"1"}')));
}

const STATE = { votedFor: null, abstainThrough: logIndex(0) } as const;

/** A small file: mostly as it should be, else damaged, empty, noise, long, or not there. */
function addSmall(dice: Dice, files: Map<string, Uint8Array>, path: string, good: Uint8Array): void {
  const kind = dice.integer(0, 9);
  if (kind === 0) return;
  if (kind === 1) files.set(path, dice.mutate(good));
  else if (kind === 2) files.set(path, dice.bytes(dice.integer(0, 80)));
  else if (kind === 3 && dice.chance(0.1)) files.set(path, new Uint8Array(1024 * 1024).fill(0x7b));
  else files.set(path, good);
}

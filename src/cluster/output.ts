import { copyFileSync, fstatSync, truncateSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';

/** A node's output file is kept under this size; one older file of this size stands beside it. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** A line longer than this is shown in parts. */
const LINE_BYTES_MAX = 64 * 1024;

const FOLLOW_POLL_MS = 100;

/** The older half of a node's output. */
export function olderOutput(path: string): string {
  return `${path}.old`;
}

/**
 * Keeps the output file of this very process under `bytesMax`: its content moves to the older file and it starts
 * again from nothing. The file is emptied, not renamed, because the process (and whoever reads along) has it open.
 */
export function limitOutput(path: string, descriptor: number, bytesMax: number = OUTPUT_BYTES_MAX): void {
  if (fstatSync(descriptor).size < bytesMax) return;
  copyFileSync(path, olderOutput(path));
  truncateSync(path, 0);
}

/**
 * The last `count` lines of a file from byte `start` on; fewer where there are fewer, none where the file is missing.
 * Reads only its end.
 */
export async function lastLines(path: string, count: number, start = 0): Promise<readonly string[]> {
  const file = await openIfThere(path);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    // A file that is shorter by now was started anew: all of it came later.
    return (await readEnd(file, { start: start > size ? 0 : start, size, count })).lines;
  } finally {
    await file.close();
  }
}

/** The end of a file, and where it ended: following it goes on from there. */
interface FileEnd {
  readonly lines: readonly string[];
  /** Bytes from the start of the file to the end of the last whole line that was read. */
  readonly position: number;
}

interface EndWanted {
  /** Nothing before this is looked at, in bytes. */
  readonly start: number;
  /** The file's length in bytes. */
  readonly size: number;
  readonly count: number;
}

/** Reads backwards in growing steps until enough lines have been seen, or everything. */
async function readEnd(file: FileHandle, { start, size, count }: EndWanted): Promise<FileEnd> {
  const lengthMax = size - start;
  let length = Math.min(lengthMax, LINE_BYTES_MAX);
  for (;;) {
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, size - length);
    const text = bytes.toString('utf8');
    const lines = text.split('\n');
    // What follows the last newline is a line that is still being written, unless it is the end of a dead process.
    const unfinished = lines.pop() ?? '';
    if (unfinished !== '') lines.push(unfinished);
    const whole = length === lengthMax ? lines : lines.slice(1);
    if (length === lengthMax || whole.length >= count) {
      return { lines: count === 0 ? [] : whole.slice(-count), position: size };
    }
    length = Math.min(lengthMax, length * 4);
  }
}

/** Reads a file as it grows: `read` gives the whole lines that have come since the last call. */
export class OutputReader {
  readonly #path: string;
  /** A chunk may end within a character. */
  readonly #decoder = new StringDecoder('utf8');
  #position = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** The last `count` lines that are there now; `read` goes on after them. */
  async skipToLast(count: number): Promise<readonly string[]> {
    const file = await openIfThere(this.#path);
    if (file === undefined) return [];
    try {
      const end = await readEnd(file, { start: 0, size: (await file.stat()).size, count });
      this.#position = end.position;
      return end.lines;
    } finally {
      await file.close();
    }
  }

  async read(): Promise<readonly string[]> {
    const file = await openIfThere(this.#path);
    if (file === undefined) return [];
    try {
      const { size } = await file.stat();
      // A file that became shorter was started anew.
      if (size < this.#position) this.#position = 0;
      const lines: string[] = [];
      while (this.#position < size) lines.push(...(await this.#readChunk(file)));
      return lines;
    } finally {
      await file.close();
    }
  }

  async #readChunk(file: FileHandle): Promise<readonly string[]> {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(LINE_BYTES_MAX),
      0,
      LINE_BYTES_MAX,
      this.#position,
    );
    this.#position += bytesRead;
    const lines = (this.#rest + this.#decoder.write(buffer.subarray(0, bytesRead))).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length < LINE_BYTES_MAX) return lines;
    const part = this.#rest;
    this.#rest = '';
    return [...lines, part];
  }
}

/** A line of a node's output. */
export interface OutputLine {
  readonly node: string;
  readonly line: string;
}

/** The output of several nodes as it comes, until `signal` ends it. What came before the end is still given. */
export async function* followOutputs(
  readers: ReadonlyMap<string, OutputReader>,
  signal: AbortSignal,
): AsyncGenerator<OutputLine> {
  for (let ended = false; !ended; ) {
    ended = signal.aborted;
    for (const [node, reader] of readers) {
      for (const line of await reader.read()) yield { node, line };
    }
    if (!ended) await delay(FOLLOW_POLL_MS, undefined, { signal }).catch(() => {});
  }
}

function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

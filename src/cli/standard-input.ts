import { RaftError } from '../lib/errors.ts';
import { COMMAND_BYTES_MAX } from '../lib/limits.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** All of standard input as bytes, at most what fits in a command. Throws `too-large` beyond that. */
export async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(process.stdin)) {
    length += chunk.length;
    if (length > COMMAND_BYTES_MAX) throw tooLong('Standard input');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The lines of standard input as bytes, without their ends (LF or CR LF). A line is at most what fits in a command;
 * `too-large` is thrown for a longer one, which is never held as a whole.
 */
export async function* standardInputLines(): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  let count = 0;
  for await (const chunk of chunksOf(process.stdin)) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE, start)) {
      count++;
      yield withoutCarriageReturn(rest.subarray(start, end));
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > COMMAND_BYTES_MAX + 1) throw tooLong(`Line ${count + 1} of standard input`);
  }
  if (rest.length > 0) yield withoutCarriageReturn(rest);
}

function withoutCarriageReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

async function* chunksOf(input: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

function tooLong(what: string): RaftError {
  return new RaftError(
    'too-large',
    `${what} is longer than ${COMMAND_BYTES_MAX} bytes, the most that fits in a command.`,
  );
}

import { type FileHandle, open } from 'node:fs/promises';
import { RaftError } from '../lib/errors.ts';
import { COMMAND_BYTES_MAX } from '../lib/limits.ts';
import { unreadable } from '../logtools/locate.ts';

/**
 * The content of a file that is to be a command. No more than a command can have is ever read, so that a device or a
 * file of any length gives a sentence. Errors: `no-such-file`, `not-permitted`, `too-large`, `disk-failed`.
 */
export async function commandInFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      if ((await file.stat()).isDirectory()) throw noFile(path);
      return await readAtMost(file, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof RaftError ? error : unreadable(path, error);
  }
}

async function readAtMost(file: FileHandle, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(COMMAND_BYTES_MAX + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
    if (bytesRead === 0) return bytes.slice(0, length);
    length += bytesRead;
  }
  throw new RaftError('too-large', `${path} is too large: a command has at most ${COMMAND_BYTES_MAX} bytes.`);
}

function noFile(path: string): RaftError {
  return new RaftError('no-such-file', `${path} is a directory, not a file.`, {
    suggestions: ['Name the file whose content is the command.'],
  });
}

import { createHash, randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RaftError } from '../../lib/errors.ts';
import type { ProcessIdentity, ProcessTable } from '../ports.ts';
import { diskError, systemCodeOf } from './disk-error.ts';
import { LOCK_FILE } from './layout.ts';

const ATTEMPTS_MAX = 20;
const CLAIM_DIGITS = 16;

/** What the holder of a data directory tells about itself, besides which process it is. */
export interface LockDetails {
  /** The node's id. */
  readonly id: string;
  /** Where the node listens, once it does. */
  readonly url?: string;
  /** When the process started, as ISO 8601 text: for people. */
  readonly startedAt?: string;
}

/** Which directory a lock was made in: a copy of the lock, in a copy of the directory, says nothing about the copy. */
interface LockPlace {
  /** The number of its device, in decimal. */
  readonly dev: string;
  /** The number of its inode, in decimal. */
  readonly ino: string;
}

/** The content of a `lock` file: JSON. Locks of earlier versions do not tell their place. */
export interface LockContent extends LockDetails, ProcessIdentity, Partial<LockPlace> {
  /** Drawn anew with each acquisition, so that no two locks are ever the same bytes. */
  readonly token: string;
}

/**
 * Takes the data directory, which exists, for this process. A lock counts only while the process that it names lives:
 * same pid, start time and boot of the machine, and only in the directory that it was made in. Any other is a leftover
 * and is taken over. Errors: `already-running`
 * (73) with the pid of the holder; `not-permitted`, `disk-full`, `disk-failed`.
 *
 * Two processes that find the same leftover must not both win, so it is never removed by its name, which may by then be
 * another's lock. Whoever wants it first creates a claim that is named after the leftover's content, which only one can
 * do; looks whether the leftover is still there; and renames its own lock over it.
 */
export async function acquireLock(
  directory: string,
  processes: ProcessTable,
  details: LockDetails,
): Promise<HeldLock> {
  const place = await placeOf(directory);
  const content: LockContent = { ...processes.self(), ...details, ...place, token: randomUUID() };
  const attempt: Attempt = {
    directory,
    processes,
    place,
    own: join(directory, `${LOCK_FILE}.${content.token}`),
  };
  try {
    await writeFile(attempt.own, textOf(content));
    for (let round = 0; round < ATTEMPTS_MAX; round++) {
      if (!(await takeOnce(attempt))) continue;
      await removeLeftovers(attempt);
      return new HeldLock(directory, content);
    }
  } catch (error) {
    throw error instanceof RaftError ? error : diskError('lock', directory, error);
  } finally {
    await unlinkIfThere(attempt.own);
  }
  throw new RaftError(
    'already-running',
    `Other processes keep taking and leaving the lock of ${directory}.`,
    {
      suggestions: [`cat ${join(directory, LOCK_FILE)}   # says who holds it now`],
    },
  );
}

/**
 * The content of a directory's lock, whether its holder lives or not; undefined where there is none to be read, or it
 * was copied from another directory.
 */
export async function readLock(directory: string): Promise<LockContent | undefined> {
  const bytes = await readIfThere(join(directory, LOCK_FILE));
  const content = bytes === undefined ? undefined : parseLock(bytes);
  if (content === undefined) return undefined;
  return wasMadeIn(content, await placeOf(directory)) ? content : undefined;
}

/** The content of a directory's lock where the process that it names lives, else undefined. */
export async function readLiveLock(
  directory: string,
  processes: ProcessTable,
): Promise<LockContent | undefined> {
  const content = await readLock(directory);
  return content !== undefined && isAlive(content, processes) ? content : undefined;
}

/** A lock that this process holds. */
export class HeldLock {
  readonly #path: string;
  #content: LockContent;

  constructor(directory: string, content: LockContent) {
    this.#path = join(directory, LOCK_FILE);
    this.#content = content;
  }

  /** What stands in the lock. */
  get content(): LockContent {
    return this.#content;
  }

  /** Tells more, or something else, about this process: its url, once it listens. Errors: `disk-full`, `disk-failed`. */
  async update(details: Partial<LockDetails>): Promise<void> {
    this.#content = { ...this.#content, ...details };
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      await writeFile(temporary, textOf(this.#content));
      // Nobody but its holder touches the lock of a live process.
      await rename(temporary, this.#path);
    } catch (error) {
      throw diskError('write', this.#path, error);
    }
  }

  /** Gives the directory free. Does nothing where somebody removed the lock by hand and another process took it. */
  async release(): Promise<void> {
    const bytes = await readIfThere(this.#path);
    if (bytes !== undefined && parseLock(bytes)?.token === this.#content.token)
      await unlinkIfThere(this.#path);
  }
}

/** What one process needs to take a lock. */
interface Attempt {
  readonly directory: string;
  readonly processes: ProcessTable;
  readonly place: LockPlace;
  /** A file with the whole content of the lock to be: it takes its name by a link or a rename, never in halves. */
  readonly own: string;
}

/** Tries once. False where others moved meanwhile, and it is worth another look. */
async function takeOnce(attempt: Attempt): Promise<boolean> {
  const lock = join(attempt.directory, LOCK_FILE);
  if (await linkUnlessThere(attempt.own, lock)) return true;
  const leftover = await readIfThere(lock);
  if (leftover === undefined) return false;
  refuseIfAlive(leftover, attempt);
  const claim = await claimLeftover(leftover, attempt);
  if (claim === undefined) return false;
  try {
    // A claim that was made too late, after another took over and cleaned up, finds another lock here, or none.
    if ((await readIfThere(lock))?.equals(leftover) !== true) return false;
    await rename(attempt.own, lock);
    return true;
  } finally {
    await unlinkIfThere(claim);
  }
}

/**
 * Makes the one claim on a leftover: its path, or undefined where another was faster and is done. A claim whose process
 * died before it was done is a leftover too, and is claimed the same way.
 */
async function claimLeftover(leftover: Buffer, attempt: Attempt): Promise<string | undefined> {
  const digest = createHash('sha256').update(leftover).digest('hex').slice(0, CLAIM_DIGITS);
  const claim = join(attempt.directory, `${LOCK_FILE}.after-${digest}`);
  if (await linkUnlessThere(attempt.own, claim)) return claim;
  const rival = await readIfThere(claim);
  if (rival === undefined) return undefined;
  refuseIfAlive(rival, attempt);
  return await claimLeftover(rival, attempt);
}

/** Removes what processes left that died while they took this lock. */
async function removeLeftovers(attempt: Attempt): Promise<void> {
  for (const name of await readdir(attempt.directory)) {
    if (!name.startsWith(`${LOCK_FILE}.`)) continue;
    const path = join(attempt.directory, name);
    const bytes = await readIfThere(path);
    const content = bytes === undefined ? undefined : parseLock(bytes);
    if (content !== undefined && !counts(content, attempt)) await unlinkIfThere(path);
  }
}

function refuseIfAlive(bytes: Buffer, attempt: Attempt): void {
  const content = parseLock(bytes);
  // What cannot be read was left by a power loss: a live holder's lock has always been written in full.
  if (content === undefined || !counts(content, attempt)) return;
  const where = content.url === undefined ? '' : ` at ${content.url}`;
  const message = `Node ${content.id} is already running on ${attempt.directory}${where}, as process ${content.pid}.`;
  throw new RaftError('already-running', message, {
    suggestions: [
      `kill ${content.pid}   # stops it in order`,
      'Or give this node a data directory of its own.',
    ],
  });
}

function counts(content: LockContent, { place, processes }: Attempt): boolean {
  return wasMadeIn(content, place) && isAlive(content, processes);
}

function wasMadeIn(content: LockContent, place: LockPlace): boolean {
  if (content.dev === undefined || content.ino === undefined) return true;
  return content.dev === place.dev && content.ino === place.ino;
}

async function placeOf(directory: string): Promise<LockPlace> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return { dev: String(dev), ino: String(ino) };
  } catch (error) {
    throw diskError('read', directory, error);
  }
}

function isAlive(content: LockContent, processes: ProcessTable): boolean {
  const found = processes.find(content.pid);
  return found !== undefined && found.startTime === content.startTime && found.bootId === content.bootId;
}

function textOf(content: LockContent): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

function parseLock(bytes: Buffer): LockContent | undefined {
  const value = parseJson(bytes.toString('utf8'));
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, startTime, bootId, id, url, startedAt, dev, ino, token }: Record<string, unknown> = {
    ...value,
  };
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid)) return undefined;
  if (typeof startTime !== 'string' || typeof bootId !== 'string') return undefined;
  if (typeof id !== 'string' || typeof token !== 'string') return undefined;
  return {
    pid,
    startTime,
    bootId,
    id,
    ...(typeof url === 'string' ? { url } : {}),
    ...(typeof startedAt === 'string' ? { startedAt } : {}),
    ...(typeof dev === 'string' && typeof ino === 'string' ? { dev, ino } : {}),
    token,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: no lock that this program wrote.
    return undefined;
  }
}

/** Gives `existing` a second name. False where that name is taken. */
async function linkUnlessThere(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw diskError('read', path, error);
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw diskError('remove', path, error);
  }
}

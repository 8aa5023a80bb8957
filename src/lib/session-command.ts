import { assert } from './assert.ts';
import { parseSessionId, type SessionId } from './brands.ts';
import { concatBytes } from './bytes.ts';
import { INDEX_MAX, LOG_TIME_MS_MAX } from './limits.ts';

/** Where a command stands in its client's session (§8; dissertation 6.3). The same in every try of the command. */
export interface SessionPlace {
  readonly session: SessionId;
  /** Of the command within the session, from 1 on. A sequence is applied once, however often it comes. */
  readonly sequence: number;
  /** The client has every answer below this sequence, or does not want it any more. At most `sequence`. */
  readonly acknowledgedBelow: number;
  /** The log time, in milliseconds, that the client had read when it opened the session. */
  readonly openedAtMs: number;
}

/** A place as it stands in the log. */
export interface StampedPlace extends SessionPlace {
  /** The log time, in milliseconds, at which the leader took the command. */
  readonly logTimeMs: number;
}

/** What an entry of the kind `session` says. */
export interface SessionCommand {
  readonly place: StampedPlace;
  /** What the client sent, at least one byte. */
  readonly command: Uint8Array;
}

/**
 * The body, little-endian: version (1 byte), session id (16), sequence, acknowledgedBelow, logTimeMs, openedAtMs
 * (uint64, 8 each), then the command.
 */
const VERSION = 1;
const ID_AT = 1;
const SEQUENCE_AT = 17;
const ACKNOWLEDGED_BELOW_AT = 25;
const LOG_TIME_AT = 33;
const OPENED_AT = 41;
const COMMAND_AT = 49;

const ID_BYTES = 16;
const HEX = 16;
const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(HEX).padStart(2, '0'),
);

/** The body of an entry of the kind `session`. */
export function encodeSessionBody({ place, command }: SessionCommand): Uint8Array {
  const problem = problemWithPlace(place);
  assert(problem === undefined, `Not a place in a session: ${problem}`);
  assert(isLogTime(place.logTimeMs), `Not a log time: ${place.logTimeMs}`);
  assert(command.length > 0, 'An empty command was put into a session');
  const head = new Uint8Array(COMMAND_AT);
  head[0] = VERSION;
  head.set(bytesOfSessionId(place.session), ID_AT);
  const view = new DataView(head.buffer);
  view.setBigUint64(SEQUENCE_AT, BigInt(place.sequence), true);
  view.setBigUint64(ACKNOWLEDGED_BELOW_AT, BigInt(place.acknowledgedBelow), true);
  view.setBigUint64(LOG_TIME_AT, BigInt(place.logTimeMs), true);
  view.setBigUint64(OPENED_AT, BigInt(place.openedAtMs), true);
  return concatBytes([head, command]);
}

/** What a body says, or undefined where it is none: no leader of this version writes such a one. */
export function decodeSessionBody(body: Uint8Array): SessionCommand | undefined {
  if (body.length <= COMMAND_AT || body[0] !== VERSION) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const place = {
    session: sessionIdOfBytes(body.subarray(ID_AT, SEQUENCE_AT)),
    sequence: Number(view.getBigUint64(SEQUENCE_AT, true)),
    acknowledgedBelow: Number(view.getBigUint64(ACKNOWLEDGED_BELOW_AT, true)),
    logTimeMs: Number(view.getBigUint64(LOG_TIME_AT, true)),
    openedAtMs: Number(view.getBigUint64(OPENED_AT, true)),
  };
  // What a number rounds is far above these limits.
  if (problemWithPlace(place) !== undefined || !isLogTime(place.logTimeMs)) return undefined;
  return { place, command: body.subarray(COMMAND_AT) };
}

/** Why this is no place in a session, as a clause, or undefined. */
export function problemWithPlace(place: SessionPlace): string | undefined {
  const { session, sequence, acknowledgedBelow, openedAtMs } = place;
  if (parseSessionId(session) === undefined) return 'its session is not 32 hexadecimal digits in lower case';
  if (!isCount(sequence) || sequence < 1) return 'its sequence is not an integer from 1 to 2^52';
  if (!isCount(acknowledgedBelow) || acknowledgedBelow < 1 || acknowledgedBelow > sequence)
    return 'what it acknowledges is not an integer from 1 to its sequence';
  if (!isLogTime(openedAtMs)) return 'the log time at which it was opened is not an integer from 0 to 2^52';
  return undefined;
}

/** The 16 bytes of a session's id. */
export function bytesOfSessionId(session: SessionId): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i++) bytes[i] = Number.parseInt(session.slice(2 * i, 2 * i + 2), HEX);
  return bytes;
}

/** The id in 16 bytes. */
export function sessionIdOfBytes(bytes: Uint8Array): SessionId {
  assert(bytes.length === ID_BYTES, `A session id has ${ID_BYTES} bytes, not ${bytes.length}`);
  let digits = '';
  for (const byte of bytes) digits += HEX_OF_BYTE[byte] ?? '';
  const session = parseSessionId(digits);
  assert(session !== undefined, `Not the bytes of a session id: ${digits}`);
  return session;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= INDEX_MAX;
}

function isLogTime(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= LOG_TIME_MS_MAX;
}

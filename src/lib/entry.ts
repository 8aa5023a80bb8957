import type { LogIndex, Term } from './brands.ts';
import { concatBytes, EMPTY_BYTES, startsWith } from './bytes.ts';
import { type Configuration, decodeConfiguration, encodeConfiguration } from './configuration.ts';
import { decodeSessionBody, encodeSessionBody, type StampedPlace } from './session-command.ts';

/** One entry of the replicated log, as it stands in a frame (paper, figure 2: "log[]"). */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  /** The COMMAND bytes of the frame, at least one. What they mean, `decodePayload` says. */
  readonly command: Uint8Array;
}

/**
 * What an entry means. Entries of the protocol itself are commands that begin with `ENTRY_MARK` and a kind byte; a
 * user's command that happens to begin with the mark is wrapped the same way, so every byte string is legal.
 */
export type Payload =
  | { readonly kind: 'command'; readonly command: Uint8Array }
  | { readonly kind: 'noop' }
  /** A client's command with its place in the client's session. */
  | { readonly kind: 'session'; readonly place: StampedPlace; readonly command: Uint8Array }
  /** §6: in force from the moment that the entry stands in a node's log, whether it is committed or not. */
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
  | { readonly kind: 'unknown'; readonly kindByte: number; readonly body: Uint8Array };

/** The kinds of entry by name, as `raft log dump` prints them. */
export type PayloadKind = Payload['kind'];

/**
 * The mark: 0x89 'R' 'A' 'F' 'T' CR LF SUB. No UTF-8 text begins with 0x89, so neither text nor JSON is ever taken for
 * an entry of the protocol.
 */
export const ENTRY_MARK: Uint8Array = Uint8Array.of(0x89, 0x52, 0x41, 0x46, 0x54, 0x0d, 0x0a, 0x1a);

const KIND_WRAPPED_COMMAND = 0;
const KIND_NOOP = 1;
const KIND_CONFIGURATION = 2;
const KIND_SESSION = 3;

/** With which the COMMAND bytes of every configuration begin. */
export const CONFIGURATION_MARK: Uint8Array = Uint8Array.of(...ENTRY_MARK, KIND_CONFIGURATION);

/** Bytes that the wrapping of a command that begins with the mark adds to it. */
const WRAPPING_BYTES: number = ENTRY_MARK.length + 1;

/** The COMMAND bytes for a payload. */
export function encodePayload(payload: Payload): Uint8Array {
  switch (payload.kind) {
    case 'command':
      return startsWith(payload.command, ENTRY_MARK)
        ? marked(KIND_WRAPPED_COMMAND, payload.command)
        : payload.command;
    case 'noop':
      return marked(KIND_NOOP, EMPTY_BYTES);
    case 'configuration':
      return marked(KIND_CONFIGURATION, encodeConfiguration(payload.configuration));
    case 'session':
      return marked(KIND_SESSION, encodeSessionBody(payload));
    case 'unknown':
      return marked(payload.kindByte, payload.body);
  }
}

/**
 * The meaning of COMMAND bytes. Total: bytes that begin with the mark, and are of a kind that is not known or have a
 * body that is not of their kind, are `unknown`, and every node stops at them alike.
 */
export function decodePayload(command: Uint8Array): Payload {
  if (!startsWith(command, ENTRY_MARK) || command.length === ENTRY_MARK.length) {
    return { kind: 'command', command };
  }
  const kindByte = command[ENTRY_MARK.length] ?? 0;
  const body = command.subarray(WRAPPING_BYTES);
  if (kindByte === KIND_WRAPPED_COMMAND) return { kind: 'command', command: body };
  if (kindByte === KIND_NOOP && body.length === 0) return { kind: 'noop' };
  if (kindByte === KIND_CONFIGURATION) {
    const configuration = decodeConfiguration(body);
    if (configuration !== undefined) return { kind: 'configuration', configuration };
  }
  if (kindByte === KIND_SESSION) {
    const decoded = decodeSessionBody(body);
    if (decoded !== undefined) return { kind: 'session', ...decoded };
  }
  return { kind: 'unknown', kindByte, body };
}

/** The configuration in COMMAND bytes, or undefined where they hold none. Cheap for everything else. */
export function configurationIn(command: Uint8Array): Configuration | undefined {
  if (command[ENTRY_MARK.length] !== KIND_CONFIGURATION || !isMarked(command)) return undefined;
  const payload = decodePayload(command);
  return payload.kind === 'configuration' ? payload.configuration : undefined;
}

/** Whether COMMAND bytes are marked: only a no-op among them may stand in a log beside the original's nodes. */
export function isMarked(command: Uint8Array): boolean {
  return startsWith(command, ENTRY_MARK);
}

function marked(kindByte: number, body: Uint8Array): Uint8Array {
  return concatBytes([ENTRY_MARK, Uint8Array.of(kindByte), body]);
}

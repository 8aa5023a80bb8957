import { AssertionFailure } from './assert.ts';

declare const brand: unique symbol;

/** A term of Raft's logical clock (§5.1). 0 is "before the first election". */
export type Term = number & { readonly [brand]: 'Term' };

/** A position in the replicated log (§5.3). The first entry has index 1; 0 is "before the first entry". */
export type LogIndex = number & { readonly [brand]: 'LogIndex' };

/** A server's id: a uint64 from 1 to 2^64-1, written in decimal, because a number would round it. */
export type NodeId = string & { readonly [brand]: 'NodeId' };

/** A client's session (dissertation 6.3): 128 bits that the client drew at random, as 32 hexadecimal digits. */
export type SessionId = string & { readonly [brand]: 'SessionId' };

const UINT64_MAX = 18446744073709551615n;

/** Checks a term: a safe integer of at least 0. Input from outside is validated before it comes here. */
export function term(value: number): Term {
  if (!Number.isSafeInteger(value) || value < 0) throw new AssertionFailure(`Not a term: ${value}`);
  return value as Term;
}

/** Checks a log index: a safe integer of at least 0. Input from outside is validated before it comes here. */
export function logIndex(value: number): LogIndex {
  if (!Number.isSafeInteger(value) || value < 0) throw new AssertionFailure(`Not a log index: ${value}`);
  return value as LogIndex;
}

/** Reads a log index in canonical decimal, or undefined where it is none. */
export function parseLogIndex(value: string): LogIndex | undefined {
  const index = parseCount(value);
  return index === undefined ? undefined : logIndex(index);
}

/** Reads a term in canonical decimal, or undefined where it is none. */
export function parseTerm(value: string): Term | undefined {
  const parsed = parseCount(value);
  return parsed === undefined ? undefined : term(parsed);
}

function parseCount(value: string): number | undefined {
  const count = /^(?:0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(count) ? count : undefined;
}

/** Checks a node id. Use `parseNodeId` for input from outside. */
export function nodeId(value: string): NodeId {
  const parsed = parseNodeId(value);
  if (parsed === undefined) throw new AssertionFailure(`Not a node id: ${value}`);
  return parsed;
}

/** Reads a node id in canonical decimal (no sign, no leading zero), or undefined where it is none. */
export function parseNodeId(value: string): NodeId | undefined {
  if (!/^[1-9][0-9]{0,19}$/.test(value) || BigInt(value) > UINT64_MAX) return undefined;
  return value as NodeId;
}

/** Reads the id of a session in its one form, lower-case digits, or undefined where the text is none. */
export function parseSessionId(value: string): SessionId | undefined {
  if (!/^[0-9a-f]{32}$/.test(value)) return undefined;
  return value as SessionId;
}

/** Orders ids by their numeric value, so that every node lists its peers in the same order. */
export function compareNodeIds(a: NodeId, b: NodeId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

export const TERM_ZERO: Term = term(0);
export const INDEX_ZERO: LogIndex = logIndex(0);

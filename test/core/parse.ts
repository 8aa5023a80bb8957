import { INDEX_ZERO, type LogIndex, logIndex, type NodeId, type Term, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { type Entry, encodePayload, type Payload } from '../../src/lib/entry.ts';
import type { Message, Request, Response } from '../../src/raft/core/messages.ts';
import { sandboxId } from './sandbox.ts';

/** A kind byte that no version knows. */
const UNKNOWN_KIND_BYTE = 77;

/** The arguments of the form NAME=VALUE. */
export function optionsOf(args: readonly string[]): Map<string, string> {
  const named = args.filter((arg) => arg.includes('='));
  return new Map(named.map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]));
}

/** FROM->TO as two ids. */
export function linkOf(text: string | undefined): { readonly from: NodeId; readonly to: NodeId } {
  const [from, to] = (text ?? '').split('->').map(sandboxId);
  if (from === undefined || to === undefined) throw new Error(`Not a link: ${text}`);
  return { from, to };
}

/** A message as it is written after `send`. */
export function messageOf(kind: string, from: NodeId, options: Map<string, string>): Message {
  const ownTerm = termOf(options);
  const [lastLogIndex, lastLogTerm] = positionOf(options.get('last'));
  const [prevLogIndex, prevLogTerm] = positionOf(options.get('prev'));
  switch (kind) {
    case 'append':
      return {
        type: 'appendEntries',
        term: ownTerm,
        leaderId: from,
        prevLogIndex,
        prevLogTerm,
        entries: entriesOf(options.get('entries')),
        leaderCommit: logIndex(Number(options.get('commit') ?? 0)),
      };
    case 'vote':
      return {
        type: 'requestVote',
        term: ownTerm,
        candidateId: from,
        lastLogIndex,
        lastLogTerm,
        isTransfer: false,
      };
    case 'prevote':
      return { type: 'preVote', nextTerm: ownTerm, candidateId: from, lastLogIndex, lastLogTerm };
    case 'timeoutnow':
      return { type: 'timeoutNow', term: ownTerm, leaderId: from };
    case 'success':
      return { type: 'appendEntriesResponse', term: ownTerm, success: true };
    default:
      throw new Error(`Unknown message in a transcript: ${kind}`);
  }
}

/** What a peer of the original says to a request: no more than yes or no, and its term. */
export function originalAnswer(request: Request, verdict: string | undefined, answerTerm: Term): Response {
  const says = verdict === 'yes';
  switch (request.type) {
    case 'appendEntries':
      return { type: 'appendEntriesResponse', term: answerTerm, success: says };
    case 'requestVote':
      return { type: 'requestVoteResponse', term: answerTerm, voteGranted: says };
    case 'preVote':
      return { type: 'preVoteResponse', term: answerTerm, voteGranted: says };
    case 'timeoutNow':
      throw new Error('The original knows no TimeoutNow');
  }
}

export function termOf(options: Map<string, string>): Term {
  return term(Number(options.get('term') ?? 0));
}

/** Entries as INDEX/TERM:TEXT with commas between; `noop` and `unknown` are entries of the protocol. */
export function entriesOf(text: string | undefined): Entry[] {
  if (text === undefined || text === '') return [];
  return text.split(',').map((part) => {
    const [where = '', command = ''] = part.split(':');
    const [index, ownTerm] = positionOf(where);
    return { index, term: ownTerm, command: encodePayload(payloadOf(command)) };
  });
}

function payloadOf(text: string): Payload {
  if (text === 'noop') return { kind: 'noop' };
  if (text === 'unknown') return { kind: 'unknown', kindByte: UNKNOWN_KIND_BYTE, body: utf8(text) };
  return { kind: 'command', command: utf8(text) };
}

function positionOf(text: string | undefined): [LogIndex, Term] {
  if (text === undefined) return [INDEX_ZERO, term(0)];
  const [index = 0, ownTerm = 0] = text.split('/').map(Number);
  return [logIndex(index), term(ownTerm)];
}

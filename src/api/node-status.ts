import { field, jsonIn } from '../http/json.ts';
import type { ConfigurationStatus, MemberStatus, NodeStatus } from './schema.ts';

/** The status in the body of `GET /raft/status`, or undefined where the body is none: it comes from another program. */
export function nodeStatusIn(body: Uint8Array): NodeStatus | undefined {
  const value = jsonIn(body);
  const members = field(value, 'members');
  const role = roleIn(field(value, 'role'));
  if (!Array.isArray(members) || role === undefined) return undefined;
  const text = (name: string): string => textIn(field(value, name));
  const count = (name: string): number => countIn(field(value, name)) ?? 0;
  const id = text('id');
  if (id === '' || countIn(field(value, 'term')) === undefined) return undefined;
  return {
    id,
    name: text('name'),
    clusterId: text('clusterId'),
    incarnation: text('incarnation'),
    version: text('version'),
    pid: count('pid'),
    role,
    term: count('term'),
    votedFor: textOrNull(field(value, 'votedFor')),
    leaderId: textOrNull(field(value, 'leaderId')),
    leaderUrl: textOrNull(field(value, 'leaderUrl')),
    lastIndex: count('lastIndex'),
    commitIndex: count('commitIndex'),
    lastApplied: count('lastApplied'),
    logTimeMs: countIn(field(value, 'logTimeMs')) ?? null,
    machine: text('machine'),
    members: members.map(memberIn),
    configuration: configurationIn(field(value, 'configuration')),
  };
}

/** A node of an earlier version says nothing of its configuration: it cannot change it either. */
function configurationIn(value: unknown): ConfigurationStatus {
  const waitsFor = field(value, 'waitsFor');
  return {
    index: countIn(field(value, 'index')) ?? 0,
    phase: phaseIn(field(value, 'phase')),
    waitsFor: Array.isArray(waitsFor) ? waitsFor.map(textIn) : [],
  };
}

function phaseIn(value: unknown): ConfigurationStatus['phase'] {
  switch (value) {
    case 'adjusting':
    case 'catching-up':
    case 'joint':
    case 'new':
      return value;
    default:
      return 'stable';
  }
}

function partIn(value: unknown): MemberStatus['part'] {
  switch (value) {
    case 'learner':
    case 'joining':
    case 'leaving':
      return value;
    default:
      return 'voter';
  }
}

function memberIn(value: unknown): MemberStatus {
  const dialect = field(value, 'dialect');
  const isHeard = field(value, 'isHeard');
  return {
    id: textIn(field(value, 'id')),
    url: textOrNull(field(value, 'url')),
    part: partIn(field(value, 'part')),
    isHeard: typeof isHeard === 'boolean' ? isHeard : null,
    matchIndex: countIn(field(value, 'matchIndex')) ?? null,
    dialect: dialect === 'extended' || dialect === 'original' ? dialect : null,
    incarnation: textOrNull(field(value, 'incarnation')),
    mayBeOriginal: field(value, 'mayBeOriginal') === true,
  };
}

function roleIn(value: unknown): NodeStatus['role'] | undefined {
  switch (value) {
    case 'follower':
    case 'pre-candidate':
    case 'candidate':
    case 'leader':
      return value;
    default:
      return undefined;
  }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function countIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

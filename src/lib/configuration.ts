import { compareNodeIds, type NodeId, parseNodeId } from './brands.ts';
import { strictTextOf, utf8 } from './bytes.ts';
import { MEMBERS_MAX } from './limits.ts';

/** A member of a cluster, as configuration entries carry it. */
export interface Member {
  readonly id: NodeId;
  /** Base URL, without a trailing slash; null for a member in the same process. */
  readonly url: string | null;
  /**
   * Which data directory is meant: a node that lost its data and comes back under its old id has another one. Null for
   * a member of the initial configuration, which nobody has asked.
   */
  readonly incarnation: string | null;
}

/**
 * Who votes and who is replicated to (§6). While `oldVoters` is there it is the joint configuration C_old,new: every
 * decision takes a majority of `oldVoters` (C_old) and one of `voters` (C_new).
 */
export interface Configuration {
  readonly voters: readonly Member[];
  readonly oldVoters: readonly Member[] | null;
  /** Members that get the log and do not vote (dissertation 4.2.1). In a joint configuration, those of C_new. */
  readonly learners: readonly Member[];
}

/** A configuration with its members in the order of their ids. */
export function configurationOf(members: {
  readonly voters: readonly Member[];
  readonly oldVoters?: readonly Member[] | null;
  readonly learners?: readonly Member[];
}): Configuration {
  const { voters, oldVoters = null, learners = [] } = members;
  return {
    voters: inOrder(voters),
    oldVoters: oldVoters === null ? null : inOrder(oldVoters),
    learners: inOrder(learners),
  };
}

/** Whoever stands anywhere in a configuration, each id once, in the order of ids. What C_new says of a member counts. */
export function membersOf(configuration: Configuration): readonly Member[] {
  const { voters, oldVoters, learners } = configuration;
  const members = new Map<NodeId, Member>();
  for (const member of [...(oldVoters ?? []), ...learners, ...voters]) members.set(member.id, member);
  return inOrder([...members.values()]);
}

/** The bytes of a configuration in an entry: JSON for people, keys in this order. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const { voters, oldVoters, learners } = configuration;
  const json = {
    voters: voters.map(memberJson),
    oldVoters: oldVoters === null ? null : oldVoters.map(memberJson),
    learners: learners.map(memberJson),
  };
  return utf8(JSON.stringify(json));
}

/** Reads what `encodeConfiguration` wrote, strictly; undefined for anything else. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | undefined {
  const json = jsonOf(bytes);
  if (!isRecord(json) || Object.keys(json).length !== 3) return undefined;
  const voters = parseMembers(json.voters);
  const oldVoters = json.oldVoters === null ? null : parseMembers(json.oldVoters);
  const learners = parseMembers(json.learners);
  if (voters === undefined || oldVoters === undefined || learners === undefined) return undefined;
  return { voters, oldVoters, learners };
}

function memberJson({ id, url, incarnation }: Member): Member {
  return { id, url, incarnation };
}

function inOrder(members: readonly Member[]): readonly Member[] {
  return members.toSorted((a, b) => compareNodeIds(a.id, b.id));
}

function jsonOf(bytes: Uint8Array): unknown {
  const text = strictTextOf(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Bytes that are no JSON are an answer here, not an exception.
    return undefined;
  }
}

/** Members in strictly rising order, so that each configuration has one form. */
function parseMembers(json: unknown): readonly Member[] | undefined {
  if (!Array.isArray(json) || json.length > MEMBERS_MAX) return undefined;
  const members: Member[] = [];
  for (const item of json) {
    const member = parseMember(item);
    if (member === undefined) return undefined;
    const previous = members.at(-1);
    if (previous !== undefined && compareNodeIds(previous.id, member.id) >= 0) return undefined;
    members.push(member);
  }
  return members;
}

function parseMember(json: unknown): Member | undefined {
  if (!isRecord(json) || Object.keys(json).length !== 3) return undefined;
  const { url, incarnation } = json;
  const id = typeof json.id === 'string' ? parseNodeId(json.id) : undefined;
  if (id === undefined || !isTextOrNull(url) || !isTextOrNull(incarnation)) return undefined;
  return { id, url, incarnation };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && value.length > 0);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

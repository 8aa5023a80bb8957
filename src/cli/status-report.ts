import type { ConfigurationStatus, MemberStatus, NodeStatus } from '../api/schema.ts';
import { counted } from '../lib/counted.ts';
import { quorumSize } from '../raft/core/configuration.ts';
import { compareNodes } from './compare-nodes.ts';
import type { ServerFlags } from './find-cluster.ts';
import { repeatPlace } from './repeat-place.ts';
import { type Column, renderTable } from './table.ts';

/** What one address answered when it was asked for its status. */
export interface StatusAnswer {
  readonly url: string;
  /** Undefined where nobody answered in time. */
  readonly status: NodeStatus | undefined;
}

/** What is known about the node at an address without asking it: from the cluster directory or from other nodes. */
export interface KnownNode {
  readonly id: string;
  readonly name: string | null;
  readonly url: string;
}

/** One node of `raft status --json`. What only the node itself can tell is null where it did not answer. */
interface StatusRow {
  readonly id: string | null;
  readonly name: string | null;
  readonly url: string;
  readonly reachable: boolean;
  readonly role: NodeStatus['role'] | null;
  readonly term: number | null;
  readonly lastIndex: number | null;
  readonly commitIndex: number | null;
  readonly lastApplied: number | null;
  /** Its part in the configuration; `removed` where that is without it, null where nobody says. */
  readonly part: MemberStatus['part'] | 'removed' | null;
}

/** `raft status --json`. */
export interface StatusReport {
  /** The id of the leader that a majority of the members follows, or null. */
  readonly leader: string | null;
  readonly nodes: readonly StatusRow[];
  /** The configuration of the leader, else the newest that a node knows; null where no node answers. */
  readonly configuration: ConfigurationStatus | null;
}

/**
 * Puts the answers together, in the order of the names where all nodes have one, else of the ids. Whose an address is that
 * is silent, the cluster directory says, else those who answer. A silent address of a node that answers at another one is
 * left out.
 */
export function statusReport(
  answers: readonly StatusAnswer[],
  inDirectory: readonly KnownNode[],
): StatusReport {
  const known = [...inDirectory, ...membersIn(answers)];
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const leader = followedLeader(statuses);
  const source = leader ?? newestConfiguration(statuses);
  const answered = new Set(statuses.map(({ id }) => id));
  const nodes = answers.flatMap(({ url, status }) => {
    const about = known.find((node) => node.url === url);
    // A node that has moved is silent at its old address, and answers at another.
    if (status === undefined && about !== undefined && answered.has(about.id)) return [];
    const row = status === undefined ? silentRow(url, about) : answeredRow(url, status);
    // Whoever waits to be made a member was not removed.
    const isNew = status?.members.length === 0;
    return [{ ...row, part: isNew ? null : partOf(row.id, source) }];
  });
  return {
    leader: leader?.id ?? null,
    nodes: nodes.toSorted(compareNodes),
    configuration: source?.configuration ?? null,
  };
}

/**
 * How many nodes were asked, and how many of them answered, in words. A node that has several addresses, as `localhost` and
 * `127.0.0.1`, or an old one and a new one, counts once; an address of which nobody knows whose it is counts by itself.
 */
export function turnoutInWords({ nodes }: Pick<StatusReport, 'nodes'>): string {
  const idsOf = (rows: readonly StatusRow[]) => new Set(rows.map(({ id, url }) => id ?? url));
  const answered = idsOf(nodes.filter(({ reachable }) => reachable));
  return `${answered.size} of ${counted(idsOf(nodes).size, 'node')} answered`;
}

/**
 * Who knows the newest configuration. None older than one that is known to be committed is it; of the others that of the
 * highest term, and of one term that with the highest index: by the index alone, a leader of an earlier term that was cut
 * off would have the last word, with one that was never committed.
 */
export function newestConfiguration(statuses: readonly NodeStatus[]): NodeStatus | undefined {
  // A node that waits to be made a member knows of no configuration at all.
  const known = statuses.filter(({ members }) => members.length > 0);
  const indexes = known.filter(isConfigurationCommitted).map(({ configuration }) => configuration.index);
  const committed = Math.max(0, ...indexes);
  return known
    .filter(({ configuration }) => configuration.index >= committed)
    .toSorted((a, b) => b.term - a.term || b.configuration.index - a.configuration.index)[0];
}

/** Whether a node knows that the configuration that it goes by is committed: another one may yet never be in force. */
export function isConfigurationCommitted({ configuration, commitIndex }: NodeStatus): boolean {
  return configuration.index <= commitIndex;
}

/**
 * The leader of the highest term, where those that vote follow it in that term: a majority, and in a joint configuration
 * one of C_old and one of C_new. One that nobody follows any more, in a minority or just back from a pause, is not it.
 */
export function followedLeader(statuses: readonly NodeStatus[]): NodeStatus | undefined {
  const leader = statuses.filter((status) => status.role === 'leader').toSorted((a, b) => b.term - a.term)[0];
  if (leader === undefined) return undefined;
  const followers = new Set(
    statuses
      .filter((status) => status.leaderId === leader.id && status.term === leader.term)
      .map((status) => status.id),
  );
  const isFollowed = (parts: readonly MemberStatus['part'][]): boolean => {
    const voters = leader.members.filter(({ part }) => parts.includes(part));
    // A member that speaks only the original's protocol has no status to give: the leader's word stands for it.
    const following = voters.filter(({ id, dialect }) => dialect === 'original' || followers.has(id));
    return following.length >= quorumSize(voters.length);
  };
  return isFollowed(['voter', 'leaving']) && isFollowed(['voter', 'joining']) ? leader : undefined;
}

const COLUMNS: readonly Column[] = [
  { title: 'node' },
  { title: 'role' },
  { title: 'part' },
  ...['term', 'last', 'commit', 'applied', 'lag'].map((title): Column => ({ title, align: 'right' })),
  { title: 'address' },
];

/**
 * The report for people. The lag is how many entries of the leader's log a node does not have yet. What it says to type
 * next looks at `place` too.
 */
export function statusTable(report: StatusReport, place: ServerFlags): string {
  const leaderLast = report.nodes.find((node) => node.id === report.leader)?.lastIndex ?? null;
  const rows = report.nodes.map((node) => {
    const lag =
      leaderLast === null || node.lastIndex === null ? null : Math.max(0, leaderLast - node.lastIndex);
    const numbers = [node.term, node.lastIndex, node.commitIndex, node.lastApplied, lag];
    return [
      node.name || node.id || '?',
      node.role ?? 'unreachable',
      node.part ?? '-',
      ...numbers.map((value) => (value === null ? '-' : String(value))),
      node.url,
    ];
  });
  return [renderTable(COLUMNS, rows), ...configurationLines(report, place), ...repeatedLines(report)].join(
    '\n',
  );
}

function configurationLines({ configuration, nodes }: StatusReport, place: ServerFlags): readonly string[] {
  if (configuration === null) return [];
  const { index, phase, waitsFor } = configuration;
  // A node that answers at two addresses stands in two rows, and is one member.
  const byId = new Map(nodes.map(({ id, part }) => [id, part]));
  const parts = [...byId.values()].flatMap((part) => (part === null || part === 'removed' ? [] : [part]));
  const names = waitsFor.map((id) => nodes.find((node) => node.id === id)?.name || id);
  const waiting = names.length === 0 ? '' : ` It waits for ${names.join(', ')}.`;
  const more = phase === 'stable' ? [] : [repeatPlace('raft config get   # says more', place)];
  return [`Configuration ${index}, ${phase}: ${countsInWords(parts)}.${waiting}`, ...more];
}

/** Which nodes answer at more than one address. From here one process with two names looks like two processes. */
function repeatedLines({ nodes }: StatusReport): readonly string[] {
  const answering = nodes.filter(({ reachable }) => reachable);
  const lines = answering.flatMap((node) => {
    const first = answering.find(({ id }) => id === node.id) ?? node;
    return first === node ? [] : [`${node.name || node.id} answers at ${first.url} and at ${node.url}.`];
  });
  if (lines.length === 0) return [];
  return [
    ...lines,
    'One process may have two addresses. Two under one id would vote twice: stop the one that has a copy of the data.',
  ];
}

function membersIn(answers: readonly StatusAnswer[]): readonly KnownNode[] {
  const members = answers.flatMap(({ status }) => status?.members ?? []);
  return members.flatMap(({ id, url }) => (url === null ? [] : [{ id, name: null, url }]));
}

type RowBesidePart = Omit<StatusRow, 'part'>;

function partOf(id: string | null, source: NodeStatus | undefined): StatusRow['part'] {
  if (id === null || source === undefined) return null;
  return source.members.find((member) => member.id === id)?.part ?? 'removed';
}

function answeredRow(url: string, status: NodeStatus): RowBesidePart {
  const { id, name, role, term, lastIndex, commitIndex, lastApplied } = status;
  return { id, name, url, reachable: true, role, term, lastIndex, commitIndex, lastApplied };
}

function silentRow(url: string, about: KnownNode | undefined): RowBesidePart {
  const nothing = { role: null, term: null, lastIndex: null, commitIndex: null, lastApplied: null };
  return { id: about?.id ?? null, name: about?.name ?? null, url, reachable: false, ...nothing };
}

const PARTS: readonly (readonly [part: MemberStatus['part'], word: string])[] = [
  ['voter', 'voter'],
  ['learner', 'learner'],
  ['joining', 'joining voter'],
  ['leaving', 'leaving voter'],
];

/** The voters and learners of a configuration, in a sentence: `3 voters, 1 learner`. */
function countsInWords(parts: readonly MemberStatus['part'][]): string {
  return PARTS.flatMap(([part, word]) => {
    const count = parts.filter((each) => each === part).length;
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`];
  }).join(', ');
}

import type { NodeStatus } from '../api/schema.ts';
import { compareNodeIds, parseNodeId } from '../lib/brands.ts';
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
}

/** `raft status --json`. */
export interface StatusReport {
  /** The id of the leader that a majority of the members follows, or null. */
  readonly leader: string | null;
  readonly nodes: readonly StatusRow[];
}

/** Puts the answers together, in the order of the names where all nodes have one, else of the ids. */
export function statusReport(answers: readonly StatusAnswer[], known: readonly KnownNode[]): StatusReport {
  const nodes = answers.map(({ url, status }) => {
    const about = known.find((node) => node.url === url);
    return status === undefined ? silentRow(url, about) : answeredRow(url, status);
  });
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  return { leader: followedLeader(statuses)?.id ?? null, nodes: nodes.toSorted(compareRows) };
}

/**
 * The leader of the highest term, where a majority of the members that it names follows it in that term. One that
 * nobody follows any more, in a minority or just back from a pause, is not it.
 */
export function followedLeader(statuses: readonly NodeStatus[]): NodeStatus | undefined {
  const leader = statuses.filter((status) => status.role === 'leader').toSorted((a, b) => b.term - a.term)[0];
  if (leader === undefined) return undefined;
  const followers = new Set(
    statuses
      .filter((status) => status.leaderId === leader.id && status.term === leader.term)
      .map((status) => status.id),
  );
  // A member that speaks only the original's protocol has no status to give: the leader's word stands for it.
  const silent = leader.members.filter((member) => member.dialect === 'original').length;
  return 2 * (followers.size + silent) > leader.members.length ? leader : undefined;
}

const COLUMNS: readonly Column[] = [
  { title: 'node' },
  { title: 'role' },
  ...['term', 'last', 'commit', 'applied', 'lag'].map((title): Column => ({ title, align: 'right' })),
  { title: 'address' },
];

/** The report for people. The lag is how many entries of the leader's log a node does not have yet. */
export function statusTable(report: StatusReport): string {
  const leaderLast = report.nodes.find((node) => node.id === report.leader)?.lastIndex ?? null;
  const rows = report.nodes.map((node) => {
    const lag =
      leaderLast === null || node.lastIndex === null ? null : Math.max(0, leaderLast - node.lastIndex);
    const numbers = [node.term, node.lastIndex, node.commitIndex, node.lastApplied, lag];
    return [
      node.name || node.id || '?',
      node.role ?? 'unreachable',
      ...numbers.map((value) => (value === null ? '-' : String(value))),
      node.url,
    ];
  });
  return renderTable(COLUMNS, rows);
}

function answeredRow(url: string, status: NodeStatus): StatusRow {
  const { id, name, role, term, lastIndex, commitIndex, lastApplied } = status;
  return { id, name, url, reachable: true, role, term, lastIndex, commitIndex, lastApplied };
}

function silentRow(url: string, about: KnownNode | undefined): StatusRow {
  const nothing = { role: null, term: null, lastIndex: null, commitIndex: null, lastApplied: null };
  return { id: about?.id ?? null, name: about?.name ?? null, url, reachable: false, ...nothing };
}

function compareRows(a: StatusRow, b: StatusRow): number {
  if (a.name !== null && b.name !== null) return a.name.localeCompare(b.name, 'en', { numeric: true });
  const [left, right] = [parseNodeId(a.id ?? ''), parseNodeId(b.id ?? '')];
  if (left !== undefined && right !== undefined) return compareNodeIds(left, right);
  return a.url < b.url ? -1 : 1;
}

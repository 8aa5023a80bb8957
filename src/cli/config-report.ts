import type { ConfigurationStatus, MemberStatus, NodeStatus } from '../api/schema.ts';
import { assertNever } from '../lib/assert.ts';
import { type ClusterView, nameIn } from './cluster-view.ts';
import { compareNodes } from './compare-nodes.ts';
import { type Column, renderTable } from './table.ts';

/** A member in `raft config get --json`. What only a leader can tell is null where nobody leads. */
interface MemberRow {
  readonly id: string;
  readonly name: string | null;
  readonly url: string | null;
  readonly part: MemberStatus['part'];
  /** Whether the leader has heard of it within the last election timeout. */
  readonly heard: boolean | null;
  readonly matchIndex: number | null;
  /** How many entries of the leader's log it lacks. */
  readonly lag: number | null;
}

/** `raft config get --json`. */
export interface ConfigReport {
  readonly index: number;
  readonly phase: ConfigurationStatus['phase'];
  readonly waitsFor: readonly string[];
  readonly members: readonly MemberRow[];
  /** The id of the leader, or null where nobody leads: then `saidBy` may not know the newest configuration. */
  readonly leader: string | null;
  /** The id of the node that this is the view of. */
  readonly saidBy: string;
}

/** The configuration that a node goes by. */
export function configReport(view: ClusterView, source: NodeStatus): ConfigReport {
  const { index, phase, waitsFor } = source.configuration;
  const isLeader = view.leader !== undefined;
  const members = source.members.map(({ id, url, part, isHeard, matchIndex }): MemberRow => {
    const name = view.known.find((node) => node.id === id)?.name ?? null;
    // What one says that leads nobody is not known to be so.
    if (!isLeader) return { id, name, url, part, heard: null, matchIndex: null, lag: null };
    const lag = matchIndex === null ? null : Math.max(0, source.lastIndex - matchIndex);
    return { id, name, url, part, heard: isHeard, matchIndex, lag };
  });
  return {
    ...{ index, phase, waitsFor, members: members.toSorted(compareNodes) },
    ...{ leader: view.leader?.id ?? null, saidBy: source.id },
  };
}

const COLUMNS: readonly Column[] = [
  ...['node', 'part', 'heard'].map((title): Column => ({ title })),
  ...['match', 'lag'].map((title): Column => ({ title, align: 'right' })),
  ...['address', 'id'].map((title): Column => ({ title })),
];

/** The report for people: a table, and in words what is under way. */
export function configText(report: ConfigReport, view: ClusterView): string {
  const rows = report.members.map(({ id, name, url, part, heard, matchIndex, lag }) => [
    ...[name ?? id, part, heard === null ? '-' : heard ? 'yes' : 'no'],
    ...[matchIndex, lag].map((value) => (value === null ? '-' : String(value))),
    ...[url ?? '-', id],
  ]);
  return [renderTable(COLUMNS, rows), ...explanation(report, view)].join('\n');
}

function explanation(report: ConfigReport, view: ClusterView): readonly string[] {
  const { index, phase, leader, saidBy } = report;
  const waiting = report.waitsFor.map((id) => nameIn(view, id)).join(', ');
  const lines = [`Configuration ${index}, ${phase}. ${phaseInWords(phase)}`];
  if (waiting !== '') lines.push(`It waits for ${waiting}.`);
  lines.push(...outlookInWords(phase));
  if (leader === null) {
    lines.push(
      `No leader answers that a majority follows. This is what ${nameIn(view, saidBy)} knows, the newest of those that answer; another node may know a newer one.`,
    );
  }
  return lines;
}

/** What a phase is. */
export function phaseInWords(phase: ConfigurationStatus['phase']): string {
  switch (phase) {
    case 'stable':
      return 'It is committed, and no change is under way.';
    case 'adjusting':
      return 'Learners or addresses are being changed, and that is not committed yet.';
    case 'catching-up':
      return 'New voters get the log first, as learners.';
    case 'joint':
      return 'Two majorities decide, one of the old voters and one of the new.';
    case 'new':
      return 'The new voters decide; that they do is not committed yet.';
    default:
      return assertNever(phase, 'phase');
  }
}

/** What becomes of a phase by itself. */
function outlookInWords(phase: ConfigurationStatus['phase']): readonly string[] {
  switch (phase) {
    case 'stable':
      return [];
    case 'adjusting':
    case 'joint':
    case 'new':
      return ['Whoever leads finishes it by itself; another change is refused until then.'];
    case 'catching-up':
      return ['Where the leader dies now, they stay learners: then ask for the change again.'];
    default:
      return assertNever(phase, 'phase');
  }
}

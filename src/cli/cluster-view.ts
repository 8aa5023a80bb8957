import { setTimeout as delay } from 'node:timers/promises';
import type { NodeStatus } from '../api/schema.ts';
import { RaftError } from '../lib/errors.ts';
import { compareNodes } from './compare-nodes.ts';
import type { FoundCluster } from './find-cluster.ts';
import {
  followedLeader,
  type KnownNode,
  newestConfiguration,
  type StatusAnswer,
  statusReport,
  turnoutInWords,
} from './status-report.ts';
import { askCluster } from './statuses.ts';
import { usage } from './values.ts';

/** What all nodes that can be found say, and what is known of each from whatever source. */
export interface ClusterView {
  readonly answers: readonly StatusAnswer[];
  /** The leader that a majority follows. */
  readonly leader: NodeStatus | undefined;
  /** The leader, else who knows the newest configuration; undefined where nobody answers. */
  readonly source: NodeStatus | undefined;
  /** How many of the nodes answered, in words. */
  readonly turnout: string;
  /** Nodes of the cluster directory, members, and who answered: each id once, with a name where anybody knows it. */
  readonly known: readonly KnownNode[];
}

/** Between two looks while nobody leads, in milliseconds. */
const LOOK_MS = 100;

/** Asks all nodes, and again while nobody leads, until `waitMs` are over. */
export async function viewCluster(found: FoundCluster, waitMs: number): Promise<ClusterView> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const view = viewOf(await askCluster(found.servers), found.cluster?.nodes ?? []);
    if (view.leader !== undefined || performance.now() + LOOK_MS > endMs) return view;
    await delay(LOOK_MS);
  }
}

/** Puts together what nodes answered and what the cluster directory has. */
export function viewOf(answers: readonly StatusAnswer[], inDirectory: readonly KnownNode[]): ClusterView {
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const leader = followedLeader(statuses);
  const source = leader ?? newestConfiguration(statuses);
  const members = (source?.members ?? []).map(({ id, url }) => ({ id, name: null, url: url ?? '' }));
  const answered = answers.flatMap(({ url, status }) =>
    status === undefined ? [] : [{ id: status.id, name: status.name || null, url }],
  );
  const known = new Map<string, KnownNode>();
  for (const { id, name, url } of [...members, ...answered, ...inDirectory])
    known.set(id, { id, name: name ?? known.get(id)?.name ?? null, url: known.get(id)?.url || url });
  const turnout = turnoutInWords(statusReport(answers, inDirectory));
  return { answers, leader, source, turnout, known: [...known.values()].sort(compareNodes) };
}

/** The node that a person means by a name, an id or an address; undefined where there is none. */
export function findKnown({ known }: ClusterView, text: string): KnownNode | undefined {
  const url = text.replace(/\/+$/, '');
  return (
    known.find(({ id, url: its }) => id === text || its === url) ?? known.find(({ name }) => name === text)
  );
}

/** As `findKnown`. Throws `usage` where there is none, and names those that there are. */
export function requireKnown(view: ClusterView, text: string): KnownNode {
  const node = findKnown(view, text);
  if (node !== undefined) return node;
  const names = view.known.map(({ id, name }) => name ?? id);
  throw usage(`There is no node "${text}" in this cluster.`, [
    ...(names.length === 0 ? [] : [`Its nodes are ${names.join(', ')}.`]),
    'raft config get   # names the members',
  ]);
}

/** What people call a node: by its name, else by its id. */
export function nameIn({ known }: Pick<ClusterView, 'known'>, id: string): string {
  return known.find((node) => node.id === id)?.name ?? id;
}

/** The leader. Throws `no-leader` where nobody leads; nothing has been changed then. */
export function requireLeader({ leader, turnout }: ClusterView): NodeStatus {
  if (leader !== undefined) return leader;
  throw new RaftError(
    'no-leader',
    `There is no leader that a majority follows, and nothing was changed: ${turnout}.`,
    {
      suggestions: [
        'See which nodes answer: raft status',
        'raft config get   # shows the members as the nodes that answer know them',
      ],
    },
  );
}

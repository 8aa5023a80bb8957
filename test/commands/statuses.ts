import type { MemberStatus, NodeStatus } from '../../src/api/schema.ts';

/** A member of a configuration, as a leader shows it unless told otherwise. */
export function member(id: string, change: Partial<MemberStatus> = {}): MemberStatus {
  const url = `http://node-${id}`;
  return {
    id,
    url,
    part: 'voter',
    isHeard: true,
    matchIndex: 9,
    dialect: 'extended',
    incarnation: null,
    mayBeOriginal: false,
    ...change,
  };
}

/** The status of node `id`, which leads in term 2 unless told otherwise. */
export function statusOf(id: string, change: Partial<NodeStatus> = {}): NodeStatus {
  return {
    ...{ id, name: `node${id}`, clusterId: 'c', incarnation: `i${id}`, version: '0', pid: 1 },
    ...{ role: 'leader', term: 2, votedFor: null, leaderId: id, leaderUrl: null },
    ...{ lastIndex: 9, commitIndex: 9, lastApplied: 9, logTimeMs: 0, machine: 'kv' },
    members: [member(id)],
    configuration: { index: 0, phase: 'stable', waitsFor: [] },
    ...change,
  };
}

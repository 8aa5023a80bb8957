import { describe, expect, it } from 'vitest';
import type { MemberStatus, NodeStatus } from '../../src/api/schema.ts';
import {
  followedLeader,
  newestConfiguration,
  type StatusAnswer,
  statusReport,
  statusTable,
  turnoutInWords,
} from '../../src/cli/status-report.ts';
import { member, statusOf } from './statuses.ts';

const IDS = ['9', '10', '18446744073709551615'] as const;
const urlOf = (id: string): string => `http://node-${id}`;

function status(id: string, change: Partial<NodeStatus> = {}): NodeStatus {
  const members: readonly MemberStatus[] = IDS.map((each) => ({
    id: each,
    url: urlOf(each),
    part: 'voter',
    isHeard: null,
    matchIndex: null,
    dialect: null,
    incarnation: null,
    mayBeOriginal: false,
  }));
  return {
    ...{
      id,
      name: '',
      clusterId: 'c',
      incarnation: 'i',
      version: '0',
      pid: 1,
      votedFor: null,
      leaderUrl: null,
    },
    ...{
      role: 'follower',
      term: 2,
      leaderId: '9',
      lastIndex: 7,
      commitIndex: 6,
      lastApplied: 5,
      logTimeMs: 0,
      machine: 'kv',
      members,
      configuration: { index: 0, phase: 'stable', waitsFor: [] },
    },
    ...change,
  };
}

const leader = status('9', { role: 'leader', lastIndex: 9 });
const answer = (id: string, said: NodeStatus | undefined): StatusAnswer => ({ url: urlOf(id), status: said });

describe('the leader of a report', () => {
  it('is followed by a majority of the members, in its term', () => {
    expect(followedLeader([leader, status('10')])?.id).toBe('9');
    expect(followedLeader([leader])).toBeUndefined();
    expect(followedLeader([leader, status('10', { term: 3 })])).toBeUndefined();
    expect(followedLeader([leader, status('10', { leaderId: null })])).toBeUndefined();
    expect(followedLeader([status('9'), status('10')])).toBeUndefined();
  });

  it('is the one of the highest term, where an old one does not know yet', () => {
    const next = { leaderId: '10', term: 3 };

    expect(
      followedLeader([leader, status('10', { role: 'leader', ...next }), status(IDS[2], next)])?.id,
    ).toBe('10');
  });

  it('counts members that speak only the original protocol, which have no status', () => {
    const members = leader.members.map((member) => ({
      ...member,
      dialect: member.id === '9' ? null : ('original' as const),
    }));

    expect(followedLeader([{ ...leader, members }])?.id).toBe('9');
  });
});

describe('a configuration', () => {
  it('in two halves needs both of them to follow a leader', () => {
    const members = ['1', '2', '3'].map((id) => member(id, { part: 'leaving' }));
    const joint = [...members, ...['4', '5', '6'].map((id) => member(id, { part: 'joining' }))];
    const first = statusOf('1', { members: joint });
    const follower = (id: string) => statusOf(id, { role: 'follower', leaderId: '1' });

    expect(followedLeader([first, ...['2', '3', '4'].map(follower)])).toBeUndefined();
    expect(followedLeader([first, ...['2', '4', '5'].map(follower)])?.id).toBe('1');
  });

  it('is not the newest by its index alone: a leader that was cut off may have one that never was committed', () => {
    const cutOff = statusOf('1', {
      ...{ term: 2, commitIndex: 1 },
      configuration: { index: 9, phase: 'new', waitsFor: [] },
    });
    const newer = { role: 'candidate', term: 3, leaderId: null } as const;
    const others = [2, 5].map((index) =>
      statusOf(String(index), { ...newer, configuration: { index, phase: 'stable', waitsFor: [] } }),
    );

    expect(newestConfiguration([cutOff, ...others])?.id).toBe('5');
  });

  it('is followed also where its learners are silent', () => {
    const members = [member('1'), ...['2', '3'].map((id) => member(id, { part: 'learner' }))];

    expect(followedLeader([statusOf('1', { members })])?.id).toBe('1');
  });

  it('gives each node its part, and names who was removed and who is new', () => {
    const members = [member('1'), member('2', { part: 'learner' })];
    const configuration = { index: 5, phase: 'adjusting', waitsFor: ['2'] } as const;
    const blank = statusOf('4', { role: 'follower', leaderId: null, members: [] });
    const answers = [
      answer('1', statusOf('1', { members, configuration })),
      answer('3', undefined),
      answer('4', blank),
      answer('2', statusOf('2', { role: 'follower', leaderId: '1', members })),
    ];
    const report = statusReport(answers, [{ id: '3', name: 'node3', url: 'http://node-3' }]);

    expect(report.nodes.map(({ id, part }) => [id, part])).toEqual([
      ['1', 'voter'],
      ['2', 'learner'],
      ['3', 'removed'],
      ['4', null],
    ]);
    expect(statusTable(report, { server: ['http://node-1'] })).toMatch(
      /\nConfiguration 5, adjusting: 1 voter, 1 learner\. It waits for node2\.\nraft config get --server http:\/\/node-1 {3}# says more$/,
    );
  });
});

describe('a report', () => {
  it('has the shape that scripts rely on, with null for what nobody said', () => {
    const known = [{ id: IDS[2], name: 'node3', url: urlOf(IDS[2]) }];
    const report = statusReport(
      [answer(IDS[2], undefined), answer('10', status('10')), answer('9', leader)],
      known,
    );

    expect(report.leader).toBe('9');
    expect(report.nodes).toHaveLength(3);
    expect(report.nodes).toContainEqual({
      ...{ id: '9', name: '', url: 'http://node-9', reachable: true, role: 'leader' },
      ...{ term: 2, lastIndex: 9, commitIndex: 6, lastApplied: 5, part: 'voter' },
    });
    expect(report.nodes).toContainEqual({
      ...{ id: IDS[2], name: 'node3', url: urlOf(IDS[2]), reachable: false, role: null },
      ...{ term: null, lastIndex: null, commitIndex: null, lastApplied: null, part: 'voter' },
    });
    expect(report.configuration).toEqual({ index: 0, phase: 'stable', waitsFor: [] });
  });

  it('leaves out the address that a node has left, where it answers at another', () => {
    const here = { url: 'http://here', status: status('10', { name: 'node2' }) };
    const known = [{ id: '10', name: 'node2', url: urlOf('10') }];
    const urls = (answers: readonly StatusAnswer[]) =>
      statusReport(answers, known).nodes.map(({ url }) => url);

    expect(urls([answer('9', leader), answer('10', undefined), here])).toEqual([urlOf('9'), here.url]);
    expect(urls([answer('9', leader), answer('10', undefined)])).toContain(urlOf('10'));
  });

  it('lists nodes by the numbers in their names', () => {
    const names = ['node10', 'node2', 'node1'];
    const answers = names.map((name, at) => answer(String(at), status(String(at), { name })));

    expect(statusReport(answers, []).nodes.map((node) => node.name)).toEqual(['node1', 'node2', 'node10']);
  });

  it('as a table says how far each node is behind the leader', () => {
    const answers = [answer('9', leader), answer('10', status('10')), answer(IDS[2], undefined)];
    const rows = statusTable(statusReport(answers, []), {})
      .split('\n')
      .map((line) => line.split('│').map((cell) => cell.trim()));

    expect(rows[1]?.slice(1, -1)).toEqual([
      'node',
      'role',
      'part',
      'term',
      'last',
      'commit',
      'applied',
      'lag',
      'address',
    ]);
    expect(rows).toContainEqual(
      expect.arrayContaining(['follower', 'voter', '2', '7', '6', '5', '2', 'http://node-10']),
    );
    expect(rows).toContainEqual(expect.arrayContaining(['unreachable', '-', `http://node-${IDS[2]}`]));
  });

  it('counts a node that answers at two addresses once, and says where they are', () => {
    const twice = { url: 'http://localhost', status: status('10', { name: 'node10' }) };
    const answers = [answer('9', leader), answer('10', twice.status), twice, answer(IDS[2], status(IDS[2]))];
    const table = statusTable(statusReport(answers, []), {});

    expect(table).toContain('Configuration 0, stable: 3 voters.\n');
    expect(turnoutInWords(statusReport(answers, []))).toBe('3 of 3 nodes answered');
    expect(turnoutInWords(statusReport([twice, ...answers.slice(1, 2), answer('9', undefined)], []))).toBe(
      '1 of 2 nodes answered',
    );
    expect(table).toContain('\nnode10 answers at http://node-10 and at http://localhost.\n');
    expect(table).toMatch(/stop the one that has a copy of the data\.$/);
    expect(statusTable(statusReport(answers.slice(0, 2), []), {})).not.toContain('answers at');
  });
});

import { describe, expect, it } from 'vitest';
import { progressLines } from '../../src/cli/change-progress.ts';
import { findKnown, nameIn, requireKnown, requireLeader, viewOf } from '../../src/cli/cluster-view.ts';
import { configReport, configText } from '../../src/cli/config-report.ts';
import { LiveArea } from '../../src/cli/live-area.ts';
import { present } from '../../src/lib/assert.ts';
import { member, statusOf } from './statuses.ts';

const MEMBERS = [
  member('1'),
  member('2', { part: 'leaving', isHeard: false, matchIndex: 5 }),
  member('10', { part: 'joining', matchIndex: 8 }),
];
const JOINT = { index: 8, phase: 'joint', waitsFor: ['2'] } as const;
const leader = statusOf('1', { members: MEMBERS, configuration: JOINT });
const follower = (id: string) =>
  statusOf(id, { role: 'follower', leaderId: '1', members: MEMBERS, configuration: JOINT });
const answer = (status: ReturnType<typeof statusOf>) => ({ url: `http://node-${status.id}`, status });

describe('a view of a cluster', () => {
  it('knows each node once, by its name, its id and its address, in the order of the names', () => {
    const view = viewOf(
      [answer(leader), answer(follower('10')), { url: 'http://node-2', status: undefined }],
      [{ id: '7', name: 'node7', url: 'http://node-7' }],
    );

    expect(view.known.map(({ id, name }) => [id, name])).toEqual([
      ['1', 'node1'],
      ['2', null],
      ['7', 'node7'],
      ['10', 'node10'],
    ]);
    for (const text of ['node10', '10', 'http://node-10', 'http://node-10/'])
      expect(findKnown(view, text)?.id).toBe('10');
    expect([nameIn(view, '10'), nameIn(view, '2')]).toEqual(['node10', '2']);
    expect(() => requireKnown(view, 'node9')).toThrow(/There is no node "node9"/);
  });

  it('without a leader takes the newest configuration that anybody knows', () => {
    const old = statusOf('1', { role: 'follower', leaderId: null, term: 9 });
    const blank = statusOf('3', { role: 'follower', leaderId: null, members: [] });
    const view = viewOf([answer(old), answer({ ...follower('2'), leaderId: null }), answer(blank)], []);

    expect([view.leader, view.source?.id]).toEqual([undefined, '2']);
  });
});

describe('a view without a leader', () => {
  it('counts nodes and not addresses, for whoever needs a leader', () => {
    const alone = { ...leader, leaderId: null, role: 'candidate' as const };
    const answers = [
      answer(alone),
      { url: 'http://localhost', status: alone },
      // Node 2 has moved: its old address is that of the directory, and its new one that of the members.
      { url: 'http://old-2', status: undefined },
      { url: 'http://node-2', status: undefined },
      { url: 'http://nobody-knows', status: undefined },
    ];
    const view = viewOf(answers, [{ id: '2', name: 'node2', url: 'http://old-2' }]);

    expect(() => requireLeader(view)).toThrow(/nothing was changed: 1 of 3 nodes answered\.$/);
  });
});

describe('raft config get', () => {
  it('has the shape that scripts rely on', () => {
    const view = viewOf([answer(leader), answer(follower('10'))], []);

    expect(view.leader?.id).toBeUndefined();
    expect(configReport(view, present(view.source, 'a source'))).toMatchObject({ leader: null });

    const followed = viewOf([answer(leader), answer(follower('10')), answer(follower('2'))], []);
    expect(configReport(followed, leader)).toEqual({
      ...{ index: 8, phase: 'joint', waitsFor: ['2'], leader: '1', saidBy: '1' },
      members: [
        { id: '1', name: 'node1', url: 'http://node-1', part: 'voter', heard: true, matchIndex: 9, lag: 0 },
        {
          id: '2',
          name: 'node2',
          url: 'http://node-2',
          part: 'leaving',
          heard: false,
          matchIndex: 5,
          lag: 4,
        },
        {
          id: '10',
          name: 'node10',
          url: 'http://node-10',
          part: 'joining',
          heard: true,
          matchIndex: 8,
          lag: 1,
        },
      ],
    });
  });

  it('says in words what is under way, whom it waits for, and what becomes of it', () => {
    const view = viewOf([answer(leader), answer(follower('10')), answer(follower('2'))], []);
    const text = configText(configReport(view, leader), view);

    expect(text).toMatch(/│ node10 │ joining │ yes +│ +8 │ +1 │/);
    expect(text).toContain('Configuration 8, joint. Two majorities decide');
    expect(text).toContain('It waits for node2.');
    expect(text).toContain('Whoever leads finishes it by itself');
    expect(text).not.toContain('No leader');
  });

  it('says whose view it is where nobody leads', () => {
    const view = viewOf([answer({ ...follower('2'), leaderId: null })], []);
    const text = configText(configReport(view, present(view.source, 'a source')), view);

    expect(text).toContain('No leader answers that a majority follows. This is what node2 knows');
    expect(text).toMatch(/│ 1 +│ voter +│ - +│ +- │ +- │/);
  });
});

describe('the progress of a change', () => {
  const nameOf = (id: string): string => `node${id}`;

  it('shows a bar for each new voter that catches up', () => {
    const members = [
      member('1'),
      member('4', { part: 'learner', matchIndex: 250 }),
      member('5', { matchIndex: null }),
    ];
    const configuration = { index: 2, phase: 'catching-up', waitsFor: ['4', '5'] } as const;

    expect(progressLines(statusOf('1', { lastIndex: 1000, members, configuration }), nameOf)).toEqual([
      'catching-up: New voters get the log first, as learners.',
      '  node4  ██████░░░░░░░░░░░░░░░░░░ 250 of 1000 entries',
      '  node5  ░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 1000 entries',
    ]);
  });

  it('names who blocks a phase', () => {
    expect(progressLines(leader, nameOf)).toEqual([
      'joint: Two majorities decide, one of the old voters and one of the new.',
      '  waits for node2',
    ]);
  });

  it('is written over itself, cut to the width of the terminal, and taken away at the end', () => {
    const written: string[] = [];
    const area = new LiveArea({ columns: 11, write: (text) => written.push(text) });

    area.show(['one line that is too long', '░░']);
    area.show(['another']);
    area.clear();
    area.clear();

    expect(written).toEqual(['one line t\n░░\n', '\u001b[2A\r\u001b[Janother\n', '\u001b[1A\r\u001b[J']);
  });
});

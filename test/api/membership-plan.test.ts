import { describe, expect, it } from 'vitest';
import {
  membershipOf,
  membershipRequest,
  withMember,
  withoutMember,
  withPromoted,
} from '../../src/api/membership-plan.ts';
import { nodeId } from '../../src/lib/brands.ts';
import { member, statusOf } from '../commands/statuses.ts';

const status = statusOf('1', {
  members: [member('1'), member('2'), member('3', { part: 'learner' })],
  configuration: { index: 7, phase: 'stable', waitsFor: [] },
});
const before = membershipOf(status);
const ids = ({ voters, learners }: typeof before) => [
  voters.map(({ id }) => id),
  learners.map(({ id }) => id),
];

describe('a plan for other members', () => {
  it('begins with those that the leader shows, and holds for that configuration alone', () => {
    expect(ids(before)).toEqual([['1', '2'], ['3']]);
    expect(membershipRequest(status, before, true)).toEqual({ ...before, expectIndex: 7, isForced: true });
  });

  it('cannot be made while another change is under way', () => {
    const configuration = { index: 8, phase: 'joint', waitsFor: [] } as const;

    expect(() => membershipOf({ ...status, configuration })).toThrow(
      expect.objectContaining({ code: 'change-in-progress' }),
    );
  });

  it('adds a member in one part, whatever it was before', () => {
    const moved = { id: nodeId('3'), url: 'http://elsewhere' };

    expect(ids(withMember(before, { id: nodeId('4'), url: 'http://node-4' }, 'learner'))).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(withMember(before, moved, 'voter')).toEqual({ voters: [...before.voters, moved], learners: [] });
  });

  it('gives a vote to a learner, and leaves it to a voter', () => {
    expect(ids(withPromoted(before, nodeId('3')))).toEqual([['1', '2', '3'], []]);
    expect(withPromoted(before, nodeId('2'))).toBe(before);
  });

  it('leaves a member out, whatever its part', () => {
    expect(ids(withoutMember(before, nodeId('3')))).toEqual([['1', '2'], []]);
    expect(ids(withoutMember(before, nodeId('1')))).toEqual([['2'], ['3']]);
  });

  it('is about members', () => {
    for (const change of [withPromoted, withoutMember])
      expect(() => change(before, nodeId('9'))).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

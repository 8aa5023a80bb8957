import { expect, it } from 'vitest';
import { nodeId } from '../../src/lib/brands.ts';
import { changeRejection } from '../../src/raft/runtime/refusals.ts';

it('a change of members that needs a voter which is silent counts voters in the words of one and of several', () => {
  const silent = [nodeId('7')];
  const sentence = (quorum: number): string =>
    changeRejection({ reason: 'quorum-at-risk', quorum, silent }).message;

  expect(sentence(1)).toContain('needs 1 voter for a majority');
  expect(sentence(2)).toContain('needs 2 voters for a majority');
});

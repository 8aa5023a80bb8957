import { type LogIndex, logIndex } from '../../lib/brands.ts';
import { quorumValue } from './configuration.ts';
import { forgetOldConfigurations } from './configuration-log.ts';
import type { Draft } from './draft.ts';
import { termAt } from './log.ts';
import { decideProposals } from './outcomes.ts';
import { advanceReads } from './reads.ts';

/**
 * The leader's commit rule (§5.3, §5.4.2): the highest index that a majority has on disk, if its entry is of the
 * current term. Entries of older terms are committed with it, never by counting (figure 8). The leader counts its own
 * disk like any other.
 */
export function advanceCommitIndex(draft: Draft): void {
  const { state } = draft;
  if (state.role !== 'leader') return;
  const replicated = logIndex(
    quorumValue(state.configuration, (id) =>
      id === state.options.id ? state.durableIndex : (state.peers.get(id)?.matchIndex ?? 0),
    ),
  );
  if (replicated <= state.commitIndex || termAt(state.log, replicated) !== state.currentTerm) return;
  commitThrough(draft, replicated);
  advanceReads(draft);
}

/** A follower's commit rule (figure 2): what the leader has committed, as far as this log is known to match. */
export function followCommitIndex(draft: Draft, leaderCommit: LogIndex, matchedThrough: LogIndex): void {
  // The own last entry is no bound: behind what matched there may be a divergent tail (trap 6).
  const committed = logIndex(Math.min(leaderCommit, matchedThrough));
  if (committed > draft.state.commitIndex) commitThrough(draft, committed);
}

function commitThrough(draft: Draft, index: LogIndex): void {
  const { state } = draft;
  const from = logIndex(state.commitIndex + 1);
  state.commitIndex = index;
  decideProposals(draft, from, index);
  forgetOldConfigurations(state);
}

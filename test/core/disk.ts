import { INDEX_ZERO, term } from '../../src/lib/brands.ts';
import { configurationIn, type Entry } from '../../src/lib/entry.ts';
import type { LoggedConfiguration } from '../../src/raft/core/configuration-log.ts';
import type { HardState, Persist } from '../../src/raft/core/effects.ts';
import type { Run } from '../../src/raft/core/log.ts';

/** What of a node outlives a power loss. */
export interface DurableState {
  hardState: HardState;
  entries: Entry[];
}

/** How much of the write that is under way reaches the disk before the power is gone; each includes those before it. */
export type Torn = 'nothing' | 'hard-state' | 'truncation' | 'first-entry';

export function blankDisk(): DurableState {
  const hardState = { currentTerm: term(0), votedFor: null, abstainThrough: INDEX_ZERO };
  return { hardState, entries: [] };
}

/** Does what a persist wants, all of it. */
export function applyPersist(durable: DurableState, persist: Persist): void {
  applyTorn(durable, persist, 'truncation');
  durable.entries = [...durable.entries, ...persist.entries];
}

/** Hard state is durable before the truncation, and that before the entries: what stands behind may be missing. */
export function applyTorn(durable: DurableState, persist: Persist, torn: Torn): void {
  if (torn === 'nothing') return;
  if (persist.hardState !== undefined) durable.hardState = persist.hardState;
  if (torn === 'hard-state') return;
  const { truncateFrom } = persist;
  if (truncateFrom !== undefined) durable.entries = durable.entries.slice(0, truncateFrom - 1);
  if (torn === 'first-entry') durable.entries = [...durable.entries, ...persist.entries.slice(0, 1)];
}

/** Where the terms of a log begin. */
export function runsOf(entries: readonly Entry[]): Run[] {
  const runs: Run[] = [];
  for (const entry of entries) {
    if (runs.at(-1)?.term !== entry.term) runs.push({ firstIndex: entry.index, term: entry.term });
  }
  return runs;
}

/** The configurations in a log. */
export function configurationsIn(entries: readonly Entry[]): LoggedConfiguration[] {
  return entries.flatMap(({ index, command }) => {
    const configuration = configurationIn(command);
    return configuration === undefined ? [] : [{ index, configuration }];
  });
}

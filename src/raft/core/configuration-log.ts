import type { LogIndex, NodeId } from '../../lib/brands.ts';
import { type Configuration, type Member, membersOf } from '../../lib/configuration.ts';
import { configurationIn, type Entry } from '../../lib/entry.ts';
import type { CoreEvent } from './effects.ts';
import { type CoreState, isMember } from './state.ts';

/** A configuration and where it stands in the log; index 0 is the one that the node was made with. */
export interface LoggedConfiguration {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** The configuration in force: the latest in the log, committed or not (§6, trap 10). */
export function latestConfiguration(state: CoreState): LoggedConfiguration {
  return state.configurations.at(-1) ?? state.configurations[0];
}

/** Takes note of the configurations among entries that were appended. Returns whether there was one. */
export function noteConfigurations(state: CoreState, entries: readonly Entry[]): boolean {
  let isChanged = false;
  for (const { index, command } of entries) {
    const configuration = configurationIn(command);
    if (configuration === undefined) continue;
    state.configurations.push({ index, configuration });
    isChanged = true;
  }
  if (isChanged) state.configuration = latestConfiguration(state).configuration;
  return isChanged;
}

/** Goes back to the configuration that was in force before `index`, where that entry and what follows are removed. */
export function rollBackConfigurations(state: CoreState, index: LogIndex): boolean {
  const count = state.configurations.length;
  while (state.configurations.length > 1 && latestConfiguration(state).index >= index)
    state.configurations.pop();
  state.configuration = latestConfiguration(state).configuration;
  return state.configurations.length !== count;
}

/** Forgets configurations that can never be in force again: those before the latest that is committed. */
export function forgetOldConfigurations(state: CoreState): void {
  const { configurations, commitIndex } = state;
  const [, ...later] = configurations;
  const committed = later.findLastIndex(({ index }) => index <= commitIndex) + 1;
  configurations.splice(0, committed);
}

/** Whether the configuration in force is committed: only then may another one follow (§6). */
export function isConfigurationCommitted(state: CoreState): boolean {
  return latestConfiguration(state).index <= state.commitIndex;
}

/** The index of the committed configuration that leaves this node out, which was a member before; null otherwise. */
export function removedAt(state: CoreState): LogIndex | null {
  if (!state.hasBeenMember || !isConfigurationCommitted(state) || isMember(state, state.configuration))
    return null;
  return latestConfiguration(state).index;
}

/**
 * All members that the node has to do with: also those that a change which is not committed yet, or only just, leaves
 * out. They may come back, and have to be told.
 */
export function knownMembers(state: CoreState): readonly Member[] {
  const members = new Map<NodeId, Member>();
  for (const { configuration } of state.configurations) {
    for (const member of membersOf(configuration)) members.set(member.id, member);
  }
  return [...members.values()];
}

/** What the runtime is told, so that it connects the node with its members. */
export function configurationEvent(state: CoreState): CoreEvent {
  return { type: 'configuration', ...latestConfiguration(state), members: knownMembers(state) };
}

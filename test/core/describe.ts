import { startsWith, textOf } from '../../src/lib/bytes.ts';
import type { Configuration, Member } from '../../src/lib/configuration.ts';
import { decodePayload, ENTRY_MARK, type Entry } from '../../src/lib/entry.ts';
import { isConfigurationCommitted, latestConfiguration } from '../../src/raft/core/configuration-log.ts';
import type {
  ChangeRefusal,
  CoreEvent,
  Effects,
  Outcome,
  Persist,
  ProposalRefusal,
} from '../../src/raft/core/effects.ts';
import type { Message } from '../../src/raft/core/messages.ts';
import type { CoreState } from '../../src/raft/core/state.ts';
import type { PendingWrite } from './sandbox.ts';

/** One line for everything that a step wants done, in the order of the safety contract. */
export function describeEffects(id: string, effects: Effects, isWaiting: boolean): string[] {
  const lines: string[] = [];
  for (const event of effects.events) lines.push(`${id} ${describeEvent(event)}`);
  for (const { to, message } of effects.sendBeforePersist)
    lines.push(`${id} -> ${to} ${describeMessage(message)}`);
  if (effects.persist !== null) lines.push(`${id} writes ${describePersist(effects.persist)}`);
  for (const { to, message } of effects.sendAfterPersist) {
    const when = effects.persist === null && !isWaiting ? '' : 'once written: ';
    lines.push(`${id} -> ${to} ${when}${describeMessage(message)}`);
  }
  for (const read of effects.logReads) lines.push(`${id} reads its log from ${read.from} for ${read.to}`);
  if (effects.commitIndex !== null) lines.push(`${id} may apply through ${effects.commitIndex}`);
  for (const outcome of effects.outcomes) lines.push(`${id} ${describeOutcome(outcome)}`);
  if (effects.halt !== null) lines.push(`${id} halts: ${effects.halt.message}`);
  return lines;
}

/** A write that was held back, and what may be sent now. */
export function describeWrite(id: string, write: PendingWrite): string[] {
  const lines = write.persist === null ? [] : [`${id} has written ${describePersist(write.persist)}`];
  for (const { to, message } of write.afterPersist)
    lines.push(`${id} -> ${to} now: ${describeMessage(message)}`);
  return lines;
}

function describeMessage(message: Message): string {
  switch (message.type) {
    case 'requestVote':
      return (
        `RequestVote term ${message.term}, last ${message.lastLogIndex}/${message.lastLogTerm}` +
        (message.isTransfer ? ', as the leader wants' : '')
      );
    case 'preVote':
      return `PreVote for term ${message.nextTerm}, last ${message.lastLogIndex}/${message.lastLogTerm}`;
    case 'requestVoteResponse':
      return `vote ${message.voteGranted ? 'granted' : 'refused'}, term ${message.term}`;
    case 'preVoteResponse':
      return (
        `pre-vote ${message.voteGranted ? 'granted' : 'refused'}, term ${message.term}` +
        (message.removedAt === undefined ? '' : `, removed at ${message.removedAt}`)
      );
    case 'timeoutNow':
      return `TimeoutNow term ${message.term}`;
    case 'timeoutNowResponse':
      return `TimeoutNow heard, term ${message.term}`;
    case 'appendEntries': {
      const entries = message.entries.length === 0 ? 'heartbeat' : describeEntries(message.entries);
      const prev = `${message.prevLogIndex}/${message.prevLogTerm}`;
      return `AppendEntries term ${message.term}, prev ${prev}, ${entries}, commit ${message.leaderCommit}`;
    }
    case 'appendEntriesResponse': {
      if (message.success) return `appended, term ${message.term}`;
      const { conflict } = message;
      if (conflict === undefined) return `append refused, term ${message.term}`;
      const term = conflict.term === undefined ? '' : ` of term ${conflict.term}`;
      return `append refused, term ${message.term}, conflict at ${conflict.index}${term}`;
    }
  }
}

/** Entries as INDEX/TERM:TEXT. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map(describeEntry).join(' ');
}

/** The state of a core in one line. */
export function describeCore(core: CoreState): string {
  const leader = core.leaderId === null ? 'no leader' : `leader ${core.leaderId}`;
  const vote = core.votedFor === null ? 'no vote' : `voted ${core.votedFor}`;
  const log = `last ${core.log.lastIndex}, durable ${core.durableIndex}, commit ${core.commitIndex}`;
  const abstains = core.abstainThrough > 0 ? `, abstaining through ${core.abstainThrough}` : '';
  return `${core.options.id} ${core.role}, term ${core.currentTerm}, ${vote}, ${leader}, ${log}${abstains}`;
}

/** What a leader knows of its peers, one line each. */
export function describePeers(core: CoreState): string[] {
  return [...core.peers].map(([id, { mode, nextIndex, matchIndex }]) => {
    const dialect = core.dialects.get(id) === 'original' ? ', of the original' : '';
    return `${core.options.id} knows of ${id}: ${mode}, next ${nextIndex}, match ${matchIndex}${dialect}`;
  });
}

/** The configuration in force and whether it is committed. */
export function describeMembers(core: CoreState): string {
  const { index, configuration } = latestConfiguration(core);
  const state = isConfigurationCommitted(core) ? 'committed' : 'not committed';
  return `${core.options.id} goes by configuration ${index}, ${state}: ${describeConfiguration(configuration)}`;
}

/** Voters as 1,2,3, those of C_old and C_new with a plus between, learners last. */
function describeConfiguration({ voters, oldVoters, learners }: Configuration): string {
  const list = (members: readonly Member[]): string => members.map(({ id }) => id).join(',') || 'nobody';
  const joint = oldVoters === null ? '' : `${list(oldVoters)} + `;
  return `${joint}${list(voters)}${learners.length === 0 ? '' : ` learners ${list(learners)}`}`;
}

function describeRefusal(refusal: ChangeRefusal): string {
  switch (refusal.reason) {
    case 'quorum-at-risk':
      return `quorum-at-risk: ${refusal.quorum} are needed, ${refusal.silent.join(',')} silent`;
    case 'catch-up-failed':
      return `catch-up-failed: ${refusal.behind.join(',')}`;
    case 'unmet-member':
      return `unmet-member: ${refusal.unmet.join(',')}`;
    case 'expectation-failed':
      return `expectation-failed: it is ${refusal.index}`;
    default:
      return refusal.reason;
  }
}

function describeProposalRefusal(refusal: ProposalRefusal): string {
  return refusal.reason === 'unmet-member' ? `unmet-member: ${refusal.unmet.join(',')}` : refusal.reason;
}

function describeEntry(entry: Entry): string {
  const payload = decodePayload(entry.command);
  const text =
    payload.kind === 'command'
      ? describeCommand(payload.command)
      : payload.kind === 'configuration'
        ? `(${describeConfiguration(payload.configuration)})`
        : payload.kind;
  return `${entry.index}/${entry.term}:${text}`;
}

function describeCommand(command: Uint8Array): string {
  if (!startsWith(command, ENTRY_MARK)) return textOf(command);
  return `marked ${textOf(command.subarray(ENTRY_MARK.length))}`;
}

function describeEvent(event: CoreEvent): string {
  switch (event.type) {
    case 'role':
      return `becomes ${event.role} in term ${event.term}: ${event.reason}`;
    case 'leader':
      return `sees leader ${event.leaderId} in term ${event.term}`;
    case 'caughtUp':
      return `has caught up past ${event.index}`;
    case 'configuration':
      return `goes by configuration ${event.index}: ${describeConfiguration(event.configuration)}`;
    case 'removed':
      return `was removed by configuration ${event.index}`;
  }
}

function describePersist(persist: Persist): string {
  const parts: string[] = [];
  if (persist.hardState !== undefined) {
    const { currentTerm, votedFor, abstainThrough } = persist.hardState;
    const abstains = abstainThrough > 0 ? `, abstaining through ${abstainThrough}` : '';
    parts.push(`term ${currentTerm}, vote ${votedFor ?? 'none'}${abstains}`);
  }
  if (persist.truncateFrom !== undefined) parts.push(`nothing from ${persist.truncateFrom} on`);
  if (persist.entries.length > 0) parts.push(describeEntries(persist.entries));
  return parts.join('; ');
}

function describeOutcome(outcome: Outcome): string {
  switch (outcome.type) {
    case 'committed':
      return `answers proposal ${outcome.proposalId}: committed at ${outcome.index}/${outcome.term}`;
    case 'rejected':
      return `answers proposal ${outcome.proposalId}: certainly not done (${describeProposalRefusal(outcome)})`;
    case 'unknown':
      return `answers proposal ${outcome.proposalId}: unknown`;
    case 'readReady':
      return `answers read ${outcome.readId}: once ${outcome.readIndex} is applied`;
    case 'readRejected':
      return `answers read ${outcome.readId}: not here (${outcome.reason})`;
    case 'changed':
      return `answers change ${outcome.changeId}: done by configuration ${outcome.index}`;
    case 'changeRejected':
      return `answers change ${outcome.changeId}: not done (${describeRefusal(outcome)})`;
    case 'changeUnknown':
      return `answers change ${outcome.changeId}: unknown`;
    case 'transferred':
      return `answers transfer ${outcome.transferId}: ${outcome.leaderId} leads`;
    case 'transferRejected':
      return `answers transfer ${outcome.transferId}: not done (${outcome.reason})`;
  }
}

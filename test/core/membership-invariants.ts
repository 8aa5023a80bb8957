import type { LogIndex, NodeId, Term } from '../../src/lib/brands.ts';
import { type Configuration, type Member, membersOf } from '../../src/lib/configuration.ts';
import { configurationIn, type Entry } from '../../src/lib/entry.ts';
import { check } from './check.ts';
import { describeEntries } from './describe.ts';
import type { SandboxNode } from './sandbox.ts';

/** The configuration that a node has to go by, and the index of its entry; index 0 is what it was made with. */
export interface Expected {
  readonly index: number;
  readonly configuration: Configuration;
}

/** §6: the latest configuration in the log, committed or not. Found here without the core's help. */
export function expectedConfiguration(node: SandboxNode, log: readonly Entry[]): Expected {
  for (const { index, command } of log.toReversed()) {
    const configuration = configurationIn(command);
    if (configuration !== undefined) return { index, configuration };
  }
  return { index: 0, configuration: node.core.options.configuration };
}

/** §6, said once more and independently of the core: a majority of C_new and, while there is a C_old, one of C_old. */
export function isMajorityOfAll(
  { voters, oldVoters }: Configuration,
  ids: ReadonlySet<NodeId> | undefined,
): boolean {
  return [voters, oldVoters ?? voters].every(
    (members) => members.filter(({ id }) => ids?.has(id)).length * 2 > members.length,
  );
}

/** A leader appends a configuration only behind one that is committed, in a term of which something is, and a legal one. */
export function checkSuccession(node: SandboxNode, before: Expected, next: Entry, termOfCommit: Term): void {
  const configuration = configurationIn(next.command);
  if (configuration === undefined) return;
  const what = describeEntries([next]);
  check(before.index <= node.core.commitIndex, `${node.id} appends ${what}, and ${before.index} is open`);
  check(termOfCommit === next.term, `${node.id} appends ${what} before anything of its term is committed`);
  const { voters, oldVoters } = before.configuration;
  const isLegal =
    oldVoters !== null
      ? configuration.oldVoters === null && areSame(configuration.voters, voters)
      : areSame(configuration.oldVoters ?? configuration.voters, voters);
  check(isLegal, `${node.id} appends ${what}, which cannot follow ${before.index}`);
}

/** Whether a node goes by the latest configuration of its log, and leads only where that lets it. */
export function checkConfiguration(
  { id, core }: SandboxNode,
  expected: Expected,
  committedThrough: LogIndex,
): void {
  const { configuration } = core;
  check(
    areSame(configuration.voters, expected.configuration.voters) &&
      areSame(configuration.learners, expected.configuration.learners) &&
      areSame(configuration.oldVoters ?? [], expected.configuration.oldVoters ?? []),
    `${id} does not go by the configuration at ${expected.index}, the latest in its log`,
  );
  if (core.role !== 'leader' || expected.index > committedThrough) return;
  const voters = [...configuration.voters, ...(configuration.oldVoters ?? [])];
  check(
    voters.some((member) => member.id === id),
    `${id} leads on though ${expected.index}, which leaves it out, is committed`,
  );
}

/** Whether a configuration means this node with the data that it has (trap 29). */
export function means(configuration: Configuration, { core, id }: SandboxNode): boolean {
  const { options } = core;
  const member = membersOf(configuration).find((known) => known.id === id);
  if (member === undefined) return false;
  if (member.incarnation !== null) return member.incarnation === options.incarnation;
  return options.configuration.voters.some((initial) => initial.id === id);
}

function areSame(a: readonly Member[], b: readonly Member[]): boolean {
  const names = (members: readonly Member[]): string =>
    members
      .map(({ id, incarnation }) => `${id}/${incarnation}`)
      .sort()
      .join();
  return names(a) === names(b);
}

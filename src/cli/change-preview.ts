import { counted } from '../lib/counted.ts';
import { RaftError } from '../lib/errors.ts';
import { quorumSize } from '../raft/core/configuration.ts';
import { compareNodes } from './compare-nodes.ts';

/** A voter, and whether it is alive now as far as can be told. */
export interface PreviewVoter {
  readonly id: string;
  readonly name: string | null;
  readonly alive: boolean;
}

/** The voters of one configuration. */
export interface Majority {
  readonly of: 'C_old' | 'C_new';
  readonly voters: readonly PreviewVoter[];
  /** How many of them decide. */
  readonly needed: number;
  /** How many of them are alive. */
  readonly alive: number;
}

/** A stretch of the change in which the same majorities decide. */
export interface PreviewPhase {
  readonly phase: 'C_old' | 'C_old,new' | 'C_new';
  /** All of these are needed for every commit and every election: two in the joint phase (§6). */
  readonly majorities: readonly Majority[];
  /** How many of the nodes that are alive now may fail, whichever they are; null where they decide nothing as it is. */
  readonly tolerates: number | null;
}

/**
 * What each phase of a change needs and bears (§6). Where the voters are the same before and after, one entry is
 * enough, and there is no joint phase.
 */
export function previewPhases(
  before: readonly PreviewVoter[],
  after: readonly PreviewVoter[],
): readonly PreviewPhase[] {
  const old = majorityOf('C_old', before);
  const next = majorityOf('C_new', after);
  const isSame =
    before.length === after.length && before.every(({ id }) => after.some((each) => each.id === id));
  return [
    phaseOf('C_old', [old]),
    ...(isSame ? [] : [phaseOf('C_old,new', [old, next])]),
    phaseOf('C_new', [next]),
  ];
}

function majorityOf(of: Majority['of'], voters: readonly PreviewVoter[]): Majority {
  const alive = voters.filter((voter) => voter.alive).length;
  return { of, voters: voters.toSorted(compareNodes), needed: quorumSize(voters.length), alive };
}

/** Whichever nodes fail: the worst is that all of them are voters of the configuration that has the least to spare. */
function phaseOf(phase: PreviewPhase['phase'], majorities: readonly Majority[]): PreviewPhase {
  const spare = Math.min(...majorities.map(({ alive, needed }) => alive - needed));
  return { phase, majorities, tolerates: spare < 0 ? null : spare };
}

/**
 * Why a leader refuses the change: the new voters that are alive are no majority. Undefined where they are, or where the
 * same voters decide before and after.
 */
export function riskIn(phases: readonly PreviewPhase[]): RaftError | undefined {
  const isJoint = phases.some(({ phase }) => phase === 'C_old,new');
  const next = phases.at(-1)?.majorities[0];
  if (!isJoint || next === undefined || next.alive >= next.needed) return undefined;
  const { voters, needed, alive } = next;
  const silent = voters.filter((voter) => !voter.alive).map(({ id, name }) => name ?? id);
  return new RaftError(
    'quorum-at-risk',
    `C_new needs ${needed} of its ${counted(voters.length, 'voter')}, and ${alive} ${alive === 1 ? 'is' : 'are'} alive now: ` +
      `${silent.join(', ')} ${silent.length === 1 ? 'is' : 'are'} not heard of. Nothing was changed.`,
    {
      suggestions: [
        'Start the silent nodes, or leave them out.',
        'Add --force to do it all the same; the service may end with it.',
      ],
    },
  );
}

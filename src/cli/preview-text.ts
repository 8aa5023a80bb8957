import { counted } from '../lib/counted.ts';
import type { PreviewPhase, PreviewVoter } from './change-preview.ts';
import type { ChangePreview } from './preview-change.ts';
import { type Column, renderTable } from './table.ts';

const COLUMNS: readonly Column[] = [
  ...['phase', 'majority of', 'voters'].map((title): Column => ({ title })),
  ...['needed', 'alive'].map((title): Column => ({ title, align: 'right' })),
  ...['not alive', 'tolerates'].map((title): Column => ({ title })),
];

/** A preview for people: a line for each majority that each phase needs, then whether the change would go. */
export function previewText({ index, phases, learners, refusal }: ChangePreview): string {
  const lines = [
    `From configuration ${index}:`,
    renderTable(COLUMNS, phases.flatMap(phaseRows)),
    ...(learners.length === 0 ? [] : [`Learners afterwards: ${namesOf(learners)}. They do not vote.`]),
    ...(phases.some(({ phase }) => phase === 'C_old,new')
      ? []
      : ['The same nodes vote before and after: there is no joint phase.']),
  ];
  if (refusal === null) return [...lines, verdict(phases)].join('\n');
  const suggestions = refusal.suggestions.map((line) => `  ${line}`);
  return [...lines, `It would be refused: ${refusal.message}`, ...suggestions].join('\n');
}

/** What is not refused was forced, where no majority would be alive. */
function verdict(phases: readonly PreviewPhase[]): string {
  if (phases.every(({ tolerates }) => tolerates !== null)) return 'It would go. Nothing was changed.';
  return 'It would be begun, because of --force, and nothing be committed before a majority is alive. Nothing was changed.';
}

function phaseRows({ phase, majorities, tolerates }: PreviewPhase): readonly (readonly string[])[] {
  return majorities.map(({ of, voters, needed, alive }, position) => [
    ...[position === 0 ? phase : '', of, namesOf(voters)],
    ...[`${needed} of ${voters.length}`, String(alive)],
    namesOf(voters.filter((voter) => !voter.alive)),
    position === 0 ? toleratesText(tolerates) : '',
  ]);
}

function toleratesText(tolerates: number | null): string {
  if (tolerates === null) return 'no majority is alive';
  return counted(tolerates, 'failure');
}

function namesOf(nodes: readonly Pick<PreviewVoter, 'id' | 'name'>[]): string {
  return nodes.length === 0 ? '-' : nodes.map(({ id, name }) => name ?? id).join(', ');
}

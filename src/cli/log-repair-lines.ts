import { assertNever } from '../lib/assert.ts';
import { counted } from '../lib/counted.ts';
import type { RepairedFile } from '../logtools/repair/apply.ts';
import type { ActionReport, PlanReport } from '../logtools/repair/report.ts';

/** A plan for people, of the log in a data directory or of a file alone. */
export function planLines(report: PlanReport, isOfNode: boolean): string {
  const { log, refusal, suggestions, actions, abstainThrough } = report;
  return [
    `${log}: ${headingOf(report)}${refusal === null ? '' : ` ${refusal}`}`,
    ...suggestions.map((suggestion) => `  ${suggestion}`),
    ...actions.map(actionLine),
    ...(abstainThrough === null ? [] : abstentionLines(abstainThrough, isOfNode)),
  ].join('\n');
}

/** A node remembers in its data directory that it has lost something; a copy of its log can hold nothing of the kind. */
function abstentionLines(through: string, isOfNode: boolean): readonly string[] {
  const until = `until a leader has carried it past index ${through}`;
  if (isOfNode) return [`  then the node neither votes nor campaigns ${until}`];
  return [
    `  do not put this file into a node's directory: the node must neither vote nor campaign ${until}, and`,
    '  only its directory can remember that. Repair there: raft log repair DATA-DIRECTORY',
  ];
}

/** What would be lost in all, for people, behind the list of it. */
export function lossLine({ entries, from, to, damages }: Loss): string {
  const range = from === undefined || to === undefined ? '' : `, index ${from} to ${to}`;
  const damaged = damages === 0 ? '' : `; ${counted(damages, 'damaged place')}`;
  return `in all: ${counted(entries, 'entry', 'entries')}${range}${damaged}`;
}

/** Entries and damaged places that a repair loses. */
export interface Loss {
  readonly entries: number;
  readonly damages: number;
  /** The first and the last index of the entries. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What was done to a file, for people. */
export function repairedLine({ file, kept, isRemoved }: RepairedFile): string {
  return `${isRemoved ? 'removed' : 'mended'} ${file}; its original bytes are ${kept}`;
}

function headingOf({ verdict, suggestions }: PlanReport): string {
  switch (verdict) {
    case 'whole':
      return 'nothing to repair: the log is whole.';
    case 'repairable':
      return 'it can be repaired:';
    case 'refused':
      return suggestions.length === 0
        ? 'it cannot be repaired.'
        : 'it cannot be repaired from this log alone.';
    default:
      return assertNever(verdict, 'verdict');
  }
}

function actionLine({ type, segment, offset, from, to, why }: ActionReport): string {
  const where = `${segment} offset ${offset}`;
  switch (type) {
    case 'fill':
      return `  fill  ${where}: take ${from === to ? `index ${from}` : `index ${from} to ${to}`} from the other log (${why})`;
    case 'drop':
      return `  drop  ${where}: ${why}`;
    case 'cut':
      return `  cut   ${where}: everything from ${from === null ? 'here' : `index ${from}`} on (${why})`;
    default:
      return assertNever(type, 'action');
  }
}

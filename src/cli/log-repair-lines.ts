import { assertNever } from '../lib/assert.ts';
import type { RepairedFile } from '../logtools/repair/apply.ts';
import type { ActionReport, PlanReport } from '../logtools/repair/report.ts';

/** A plan for people. */
export function planLines(report: PlanReport): string {
  const { log, refusal, suggestions, actions, abstainThrough } = report;
  return [
    `${log}: ${headingOf(report)}${refusal === null ? '' : ` ${refusal}`}`,
    ...suggestions.map((suggestion) => `  ${suggestion}`),
    ...actions.map(actionLine),
    ...(abstainThrough === null
      ? []
      : [
          `  then the node neither votes nor campaigns until a leader has carried it past index ${abstainThrough}`,
        ]),
  ].join('\n');
}

/** What was done to a file, for people. */
export function repairedLine({ file, kept, isRemoved }: RepairedFile): string {
  return `${isRemoved ? 'removed' : 'mended'} ${file}; its original bytes are ${kept}`;
}

function headingOf({ verdict, suggestions }: PlanReport): string {
  switch (verdict) {
    case 'whole':
      return 'nothing to repair: a node starts on it.';
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

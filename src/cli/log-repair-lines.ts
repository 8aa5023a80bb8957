import { assertNever } from '../lib/assert.ts';
import type { RepairedFile } from '../logtools/repair/apply.ts';
import type { ActionReport, PlanReport } from '../logtools/repair/report.ts';

/** A plan for people. */
export function planLines({ log, verdict, refusal, actions, abstainThrough }: PlanReport): string {
  const heading = `${log}: ${headingOf(verdict)}`;
  if (verdict === 'refused') return `${heading}${refusal === null ? '' : ` ${refusal}`}`;
  return [
    heading,
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

function headingOf(verdict: PlanReport['verdict']): string {
  switch (verdict) {
    case 'whole':
      return 'nothing to repair: a node starts on it.';
    case 'repairable':
      return 'it can be repaired:';
    case 'refused':
      return 'it cannot be repaired.';
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

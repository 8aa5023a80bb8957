import { dirname } from 'node:path';
import { assertNever } from '../../lib/assert.ts';
import { type LogLocation, segmentsIn } from '../locate.ts';
import { readLog } from '../read-log.ts';
import { type InspectRow, inspectRow } from '../rows.ts';
import type { RepairAction, RepairPlan } from './plan.ts';

/** A plan as `raft log repair --json` prints it. Every uint64 is a decimal string. */
export interface PlanReport {
  readonly type: 'plan';
  readonly log: string;
  readonly verdict: RepairPlan['verdict'];
  readonly refusal: string | null;
  /** What to try where this log alone is not enough, one line each. */
  readonly suggestions: readonly string[];
  readonly actions: readonly ActionReport[];
  /** The node will neither vote nor campaign before a leader has carried it past this index; null where nothing is lost. */
  readonly abstainThrough: string | null;
}

export interface ActionReport {
  readonly type: RepairAction['type'];
  readonly segment: string;
  readonly offset: number;
  /** Indexes of what is taken from the other log, or the first that is cut. */
  readonly from: string | null;
  readonly to: string | null;
  readonly why: string;
}

export function planReport(plan: RepairPlan): PlanReport {
  const { survey, verdict, refusal, suggestions, actions, abstainThrough } = plan;
  return {
    type: 'plan',
    log: survey.location.path,
    verdict,
    refusal: refusal ?? null,
    suggestions,
    actions: actions.map(actionReport),
    abstainThrough: abstainThrough === undefined ? null : String(abstainThrough),
  };
}

function actionReport(action: RepairAction): ActionReport {
  const { type, segment, offset, why } = action;
  const where = { type, segment: segment.name, offset, why };
  switch (action.type) {
    case 'fill':
      return { ...where, from: String(action.from), to: String(action.to) };
    case 'drop':
      return { ...where, from: null, to: null };
    case 'cut':
      return { ...where, from: action.from === undefined ? null : String(action.from), to: null };
    default:
      return assertNever(action, 'action');
  }
}

/** Everything that a plan would lose: entries, and damaged places that held some, in order. */
export async function* lostRows(plan: RepairPlan): AsyncGenerator<InspectRow, void> {
  const { survey, actions } = plan;
  // What may be lost begins where the last action is: with a cut, or with an end that is only filled in part.
  const end = plan.abstainThrough === undefined ? undefined : actions.at(-1);
  if (end === undefined) return;
  const keptThrough = end.type === 'fill' ? end.to : 0n;
  const segments = survey.location.segments.slice(survey.location.segments.indexOf(end.segment));
  const [first, ...rest] = segments;
  if (first === undefined) return;
  const location: LogLocation = { ...survey.location, segments: [first, ...rest], isPart: true };
  for await (const found of readLog(location)) {
    const { item } = found;
    const offset = item.type === 'entry' ? item.frame.offset : item.problem.offset;
    if (found.segment.path === end.segment.path && offset < end.offset) continue;
    const isKept =
      item.type === 'entry' ? item.frame.index <= keptThrough : item.problem.kind === 'zero-tail';
    if (!isKept) yield inspectRow(found);
  }
}

/** The log as it stands after a repair: segments may be gone. */
export async function repairedLocation(location: LogLocation): Promise<LogLocation> {
  if (location.segments[0].firstIndex === undefined || location.kind === 'file') return location;
  const [first, ...rest] = await segmentsIn(dirname(location.segments[0].path));
  return first === undefined ? location : { ...location, segments: [first, ...rest] };
}

import { assertNever } from '../lib/assert.ts';
import { counted } from '../lib/counted.ts';
import type { DiffEntry, DiffLogSummary, DiffRange, DiffSummary, Standing } from '../logtools/diff.ts';

/** The entry at one index, for people: a line for each version. */
export function diffEntryLines({ index, versions, ended, unknown, isConflict }: DiffEntry): string {
  const lines = versions.map(({ term, kind, preview, logs, standing }) => {
    const what = preview === '' ? kind : `${kind} ${preview}`;
    return `  term ${term}  ${logs.join(', ')}: ${what}  (${standingText(standing)})`;
  });
  return [
    `index ${index}${isConflict ? '  !! different bytes of one term: a log is damaged' : ''}`,
    ...lines,
    ...(ended.length === 0 ? [] : [`  not there  ${ended.join(', ')}`]),
    ...(unknown.length === 0 ? [] : [`  not known  ${unknown.join(', ')}`]),
  ].join('\n');
}

/** What a comparison found, for people. */
export function diffSummaryLines(summary: DiffSummary): string {
  const { logs, partAt, voters, ranges, rangesLeftOut, committedAtMost, conflicts } = summary;
  const majority = Math.floor(voters / 2) + 1;
  return [
    ...logs.map(logLine),
    '',
    partLine(summary),
    ...(partAt === null
      ? []
      : ['', `from index ${partAt} on, of ${voters} voters (a majority is ${majority}):`]),
    ...ranges.map(rangeLine),
    ...(rangesLeftOut === 0 ? [] : [`  and ${rangesLeftOut} more`]),
    '',
    committedAtMost === null
      ? 'No entry of these logs can be committed.'
      : `Entries up to ${committedAtMost} may be committed; ${partAt === null ? 'there are no later ones' : 'later ones cannot be'}.`,
    ...(conflicts === 0
      ? []
      : [
          `!! At ${counted(conflicts, 'index', 'indexes')} two logs hold different bytes of one term: a log is damaged.`,
        ]),
  ].join('\n');
}

function logLine({ log, first, last, entries, problems, committedThrough }: DiffLogSummary): string {
  const range =
    first === null ? 'no entries' : `${counted(entries, 'entry', 'entries')}, index ${first} to ${last}`;
  const committed = committedThrough === '0' ? '' : `, known to be committed up to ${committedThrough}`;
  const damage = problems === 0 ? '' : `, ${counted(problems, 'damaged place')}`;
  return `${log}: ${range}${committed}${damage}`;
}

function partLine({ logs, partAt, agreeThrough }: DiffSummary): string {
  if (logs.every(({ first }) => first === null)) return 'None of the logs holds an entry.';
  const isDamaged = logs.some(({ problems }) => problems > 0);
  if (partAt === null)
    return isDamaged ? 'Where they can be read, the logs hold the same.' : 'The logs hold the same.';
  if (agreeThrough === null) return `The logs part at index ${partAt}, their first.`;
  return `The logs hold the same up to index ${agreeThrough}, and part at ${partAt}.`;
}

function rangeLine({ from, to, term, logs, standing }: DiffRange): string {
  const indexes = from === to ? from : `${from} to ${to}`;
  return `  ${indexes}  term ${term}  ${logs.join(', ')}: ${standingText(standing)}`;
}

function standingText(standing: Standing): string {
  switch (standing) {
    case 'committed':
      return 'committed, as a node knows';
    case 'majority':
      return 'on a majority, so it may be committed';
    case 'possible':
      return 'on a majority only with logs that are not known, so it may be committed';
    case 'minority':
      return 'on no majority, so it is not committed and can be lost';
    default:
      return assertNever(standing, 'standing');
  }
}

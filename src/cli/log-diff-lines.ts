import { assertNever } from '../lib/assert.ts';
import { counted } from '../lib/counted.ts';
import type { DiffEntry, DiffLogSummary, DiffRange, DiffSummary, DiffVoters } from '../logtools/diff.ts';
import type { Judgement } from '../logtools/diff-voters.ts';

/** The entry at one index, for people: a line for each version. */
export function diffEntryLines({ index, versions, ended, unknown, isConflict }: DiffEntry): string {
  const areCommitted = versions.filter(({ standing }) => standing === 'committed').length > 1;
  const conflict = areCommitted
    ? 'different entries that nodes know to be committed'
    : 'different bytes of one term';
  const lines = versions.map(({ term, kind, preview, logs, ...judged }) => {
    const what = preview === '' ? kind : `${kind} ${preview}`;
    return `  term ${term}  ${logs.join(', ')}: ${what}  (${standingText(judged)})`;
  });
  return [
    `index ${index}${isConflict ? `  !! ${conflict}: a log is damaged` : ''}`,
    ...lines,
    ...(ended.length === 0 ? [] : [`  not there  ${ended.join(', ')}`]),
    ...(unknown.length === 0 ? [] : [`  not known  ${unknown.join(', ')}`]),
  ].join('\n');
}

/** What a comparison found, for people. `nameOf`: what a node is called that has no log here. */
export function diffSummaryLines(summary: DiffSummary, nameOf: (id: string) => string = (id) => id): string {
  const { logs, rangesLeftOut, conflicts } = summary;
  return [
    ...strangerLines(summary),
    ...logs.map(logLine),
    ...logs.flatMap(forkLines),
    '',
    partLine(summary),
    ...voterLines(summary),
    ...rangeLines(summary),
    ...(rangesLeftOut === 0 ? [] : [`  and ${rangesLeftOut} more`]),
    '',
    committedLine(summary),
    ...missingLines(summary, nameOf),
    ...(conflicts === 0
      ? []
      : [
          `!! At ${counted(conflicts, 'index', 'indexes')} two logs hold different bytes of one term, or different entries that nodes know to be committed: a log is damaged, or of another cluster.`,
        ]),
  ].join('\n');
}

/** Before all else: what follows compares what was never one. */
function strangerLines({ areStrangers, logs }: DiffSummary): readonly string[] {
  if (!areStrangers) return [];
  const known = logs.flatMap(({ log, clusterId }) =>
    clusterId === null ? [] : [`${log} of cluster ${clusterId}`],
  );
  return [`!! These are logs of different clusters: ${known.join(', ')}.`, ''];
}

function logLine({ log, first, last, entries, problems, committedThrough }: DiffLogSummary): string {
  const range =
    first === null ? 'no entries' : `${counted(entries, 'entry', 'entries')}, index ${first} to ${last}`;
  const committed = committedThrough === '0' ? '' : `, known to be committed up to ${committedThrough}`;
  const damage = problems === 0 ? '' : `, ${counted(problems, 'damaged place')}`;
  return `${log}: ${range}${committed}${damage}`;
}

function forkLines({ log, twoHistoriesFrom }: DiffLogSummary): readonly string[] {
  if (twoHistoriesFrom === null) return [];
  return [
    `!! ${log} holds two histories from index ${twoHistoriesFrom} on: what it held from there is not known.`,
  ];
}

/** "The same" is said only of what was compared. */
function partLine({ logs, partAt, agreeThrough, notCompared }: DiffSummary): string {
  if (logs.every(({ first }) => first === null)) return 'None of the logs holds an entry.';
  const isWhole = notCompared === 0 && logs.every(({ problems }) => problems === 0);
  if (agreeThrough === null) {
    if (partAt === null) return 'No entry can be read in all of the logs, so nothing was compared.';
    return notCompared === 0
      ? `The logs part at index ${partAt}, their first.`
      : `The logs part at index ${partAt}; no entry before can be read in all of them.`;
  }
  const same =
    notCompared === 0 ? 'The logs hold the same' : 'Where all of them can be read, the logs hold the same';
  if (partAt !== null) return `${same} up to index ${agreeThrough}, and part at ${partAt}.`;
  return isWhole ? 'The logs hold the same.' : `Where they can be read, the logs hold the same.`;
}

/** What is to be known of the number of voters, beside the ranges. */
function voterLines({
  areStrangers,
  voters,
  votersFrom,
  configuredVoters,
  ...summary
}: DiffSummary): readonly string[] {
  if (areStrangers) return [];
  const isAssumed =
    votersFrom === 'assumed' || summary.ranges.some((range) => range.votersFrom === 'assumed');
  if (isAssumed)
    return [
      `Nothing says how many vote: if there are more than these ${summary.logs.length}, give --voters.`,
    ];
  if (votersFrom === 'given') {
    const isOther = configuredVoters !== null && configuredVoters !== voters;
    return [
      ...(isOther
        ? [`!! --voters says that ${voters} vote; as far as the cluster is known, ${configuredVoters} do.`]
        : []),
      ...(summary.dropsOldVoters
        ? [
            '!! The configuration is joint and takes a majority of the old voters too; --voters leaves them out.',
          ]
        : []),
      ...notCountedLines(summary),
    ];
  }
  return notCountedLines(summary);
}

/** Where no range says it. */
function notCountedLines({
  partAt,
  notCounted,
}: Pick<DiffSummary, 'partAt' | 'notCounted'>): readonly string[] {
  if (partAt !== null || notCounted.length === 0) return [];
  return [`Not counted, because it does not vote: ${notCounted.join(', ')}.`];
}

/** The ranges, under a line that says who decides wherever others do. */
function rangeLines({ areStrangers, ranges }: DiffSummary): readonly string[] {
  let last = '';
  return ranges.flatMap((range) => {
    const voters = areStrangers ? '' : votersText(range);
    const isNew = voters !== last || range === ranges[0];
    last = voters;
    return [...(isNew ? ['', `from index ${range.from} on${voters}:`] : []), rangeLine(range)];
  });
}

function votersText({ voters, oldVoters, votersFrom, notCounted }: DiffVoters): string {
  const without =
    notCounted.length === 0
      ? ''
      : `, without ${notCounted.join(', ')}, which ${notCounted.length === 1 ? 'does' : 'do'} not vote`;
  if (votersFrom === 'assumed') return `, of these ${voters} logs`;
  if (oldVoters === null) return `, of ${voters} voters (a majority is ${majorityOf(voters)})${without}`;
  const old = `${oldVoters} old voters (a majority is ${majorityOf(oldVoters)})`;
  return `, of ${old} and of ${voters} new ones (a majority is ${majorityOf(voters)})${without}`;
}

function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

function rangeLine({ from, to, term, logs, ...judged }: DiffRange): string {
  const indexes = from === to ? from : `${from} to ${to}`;
  return `  ${indexes}  term ${term}  ${logs.join(', ')}: ${standingText(judged)}`;
}

function standingText({ standing, needed }: Pick<Judgement, 'standing' | 'needed'>): string {
  switch (standing) {
    case 'committed':
      return 'committed, as a node knows';
    case 'majority':
      return `on a majority${needed === null ? ' of these logs' : ''}, so it may be committed`;
    case 'possible':
      return possibleText(needed);
    case 'minority':
      return 'on no majority, so it is not committed and can be lost';
    case 'unjudged':
      return 'not judged';
    default:
      return assertNever(standing, 'standing');
  }
}

function possibleText(needed: number | null): string {
  if (needed === null) return 'on no majority of these logs; with more voters it may be on one of theirs';
  if (needed === 0)
    return 'on a majority of the new voters alone, so it may be committed if these decide alone by now';
  const more = `${needed} more ${needed === 1 ? 'voter holds' : 'voters hold'}`;
  return `on a majority if at least ${more} it whose logs are not known, so it may be committed`;
}

function committedLine({ areStrangers, logs, committedAtMost }: DiffSummary): string {
  if (areStrangers) return 'What may be committed is not said of logs of different clusters.';
  const known = highest(logs.map(({ committedThrough }) => committedThrough));
  const atMost = highest([committedAtMost]);
  const hidden = hiddenText(logs);
  if (known === 0n && atMost === 0n)
    return hidden === undefined
      ? 'No entry of these logs can be committed.'
      : `No entry that can be read in these logs can be committed; ${hidden}.`;
  const isAbove = highest(logs.map(({ last }) => last)) > highest([String(known), committedAtMost]);
  const rest = restText(isAbove, hidden);
  if (known === 0n) return `Entries up to ${atMost} may be committed; ${rest}.`;
  const most = atMost > known ? `, and those up to ${atMost} may be` : '';
  return `Entries up to ${known} are committed${most}; ${rest}.`;
}

/** What is known of entries behind those that may be committed. */
function restText(isAbove: boolean, hidden: string | undefined): string {
  if (hidden !== undefined) return isAbove ? `later ones that can be read cannot be; ${hidden}` : hidden;
  return isAbove ? 'later ones of these logs cannot be' : 'these logs hold no later ones';
}

/** Damage at the end of a log may have been later entries. */
function hiddenText(logs: readonly DiffLogSummary[]): string | undefined {
  const damaged = logs.filter(({ endsInDamage }) => endsInDamage).map(({ log }) => log);
  if (damaged.length === 0) return undefined;
  return `what stands in the damaged places at the end of ${damaged.join(', ')} is not known`;
}

/** Asks for the logs on which it depends. */
function missingLines(
  { ranges, voters, logs, missing }: DiffSummary,
  nameOf: (id: string) => string,
): readonly string[] {
  if (!ranges.some(({ standing, needed }) => standing === 'possible' && needed !== null)) return [];
  if (missing.length > 0)
    return [`What is open is in the logs of ${missing.map(nameOf).toSorted().join(', ')}: give those too.`];
  return logs.length < voters ? ['What is open is in the logs of the other voters: give those too.'] : [];
}

function highest(indexes: readonly (string | null)[]): bigint {
  return indexes.map((index) => BigInt(index ?? 0)).reduce((a, b) => (a > b ? a : b), 0n);
}

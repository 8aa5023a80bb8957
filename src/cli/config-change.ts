import * as Flags from '@oclif/core/flags';
import type { RaftClient } from '../api/client-types.ts';
import type { Membership } from '../api/membership-plan.ts';
import { asRaftError, type RaftError } from '../lib/errors.ts';
import { CHANGE_TIMEOUT_MS, INDEX_MAX } from '../lib/limits.ts';
import {
  type ChangeDone,
  type Companion,
  changeMembers,
  type Plan,
  type WantedChange,
} from './change-members.ts';
import { riskIn } from './change-preview.ts';
import { followChange } from './change-progress.ts';
import { type ClusterView, nameIn } from './cluster-view.ts';
import type { Failure } from './failure.ts';
import { findCluster } from './find-cluster.ts';
import { parseSeconds, serverFlags, wholeNumber } from './flags.ts';
import { LiveArea } from './live-area.ts';
import { type ChangePreview, previewChange } from './preview-change.ts';
import { previewText } from './preview-text.ts';
import { type EndingSignal, signalExitCode } from './signals.ts';
import { linesFor } from './terminal.ts';

/** The flags of every command that changes members. */
export const changeFlags = {
  expect: wholeNumber({
    min: 0,
    max: INDEX_MAX,
    description: 'Change nothing unless this is the index of the configuration in force.',
    helpValue: 'INDEX',
  }),
  force: Flags.boolean({
    description: 'Also where too few of the new voters are alive for a majority.',
  }),
  'dry-run': Flags.boolean({
    description: 'Show what each phase needs and tolerates, and change nothing.',
  }),
  timeout: Flags.custom<number>({
    description: `Wait at most this many seconds, ${CHANGE_TIMEOUT_MS / 1000} unless given.`,
    helpValue: 'SECONDS',
    parse: async (text) => parseSeconds(text),
  })(),
  ...serverFlags,
};

/** What `changeFlags` hold. */
export interface ChangeFlags {
  readonly dir?: string | undefined;
  readonly server?: readonly string[] | undefined;
  readonly expect?: number | undefined;
  readonly force: boolean;
  readonly 'dry-run': boolean;
  readonly timeout?: number | undefined;
}

/** How a command speaks to its user. */
export interface ChangeUi {
  readonly isJson: boolean;
  printResult(document: unknown, text: () => string): void;
  note(text: string): void;
  /** With commands to type next that look where this one did. */
  withPlace(failure: Failure): Failure;
  takeSignals(handler: (signal: EndingSignal) => void): void;
}

/** Does a change of members for a command, or previews it, and prints what came of it. Returns the exit code. */
export async function runConfigChange(
  ui: ChangeUi,
  flags: ChangeFlags,
  { plan, isRelative }: { readonly plan: Plan; readonly isRelative: boolean },
): Promise<number> {
  const wanted: WantedChange = {
    ...{ found: await findCluster(flags), plan, isRelative },
    ...{ expect: flags.expect, isForced: flags.force, timeoutMs: flags.timeout ?? CHANGE_TIMEOUT_MS },
  };
  if (flags['dry-run']) {
    const preview = previewForUser(await previewChange(wanted), ui);
    ui.printResult(previewJson(preview), () => linesFor(previewText(preview)));
    return preview.refusal?.exitCode ?? 0;
  }
  const done = await changeWithArithmetic(wanted, companion(ui));
  const { index, isChanged, members, view } = done;
  ui.printResult({ index, changed: isChanged, ...membersJson(members, view) }, () =>
    linesFor(doneText(done)),
  );
  return 0;
}

/** The leader refuses with ids and no more than it knows itself: a person gets the arithmetic with names. */
export async function changeWithArithmetic(wanted: WantedChange, accompany: Companion): Promise<ChangeDone> {
  try {
    return await changeMembers(wanted, accompany);
  } catch (thrown) {
    const error = asRaftError(thrown);
    throw error.code === 'quorum-at-risk' ? ((await riskNow(wanted)) ?? error) : error;
  }
}

async function riskNow(wanted: WantedChange): Promise<RaftError | undefined> {
  const { phases } = await previewChange(wanted);
  return riskIn(phases);
}

/**
 * Shows on a terminal how far the change is, and tells whoever ends the command that the change goes on without it.
 */
export function companion(ui: Omit<ChangeUi, 'printResult' | 'withPlace'>): Companion {
  return async (client, view, change) => {
    const area = new LiveArea(process.stderr);
    const ended = new AbortController();
    ui.takeSignals((signal) => {
      area.clear();
      ui.note(
        'Where the leader has begun the change, it goes on by itself. See how far it is: raft config get',
      );
      process.exit(signalExitCode(signal));
    });
    const following =
      process.stderr.isTTY && !ui.isJson ? follow(client, view, area, ended.signal) : Promise.resolve();
    try {
      return await change();
    } finally {
      ended.abort();
      await following;
      area.clear();
      ui.takeSignals((signal) => process.exit(signalExitCode(signal)));
    }
  };
}

function follow(client: RaftClient, view: ClusterView, area: LiveArea, signal: AbortSignal): Promise<void> {
  return followChange(
    client,
    (id) => nameIn(view, id),
    (lines) => area.show(lines),
    signal,
  );
}

function previewForUser({ refusal, ...preview }: ChangePreview, ui: ChangeUi): ChangePreview {
  return { ...preview, refusal: refusal === null ? null : ui.withPlace(refusal) };
}

/** A refusal stands in the answer, in the form of an error: the question was what would happen. */
function previewJson({ refusal, ...preview }: ChangePreview): object {
  if (refusal === null) return { ...preview, refusal };
  const { code, message, suggestions } = refusal;
  return { ...preview, refusal: { code, message, suggestions } };
}

function membersJson({ voters, learners }: Membership, view: ClusterView): object {
  const json = (members: Membership['voters']) =>
    members.map(({ id, url = null }) => ({ id, name: nameOrNull(view, id), url }));
  return { voters: json(voters), learners: json(learners) };
}

function nameOrNull(view: ClusterView, id: string): string | null {
  return view.known.find((node) => node.id === id)?.name ?? null;
}

function doneText({ index, isChanged, members: { voters, learners }, view }: ChangeDone): string {
  const names = (members: Membership['voters']): string => {
    const ids = members.map(({ id }) => id);
    // Who is not known yet, because it is new, stands last.
    const inOrder = [
      ...view.known.map(({ id }) => id).filter((id) => ids.some((each) => each === id)),
      ...ids,
    ];
    return [...new Set(inOrder)].map((id) => nameIn(view, id)).join(', ');
  };
  const who = [
    `voters ${names(voters)}`,
    ...(learners.length === 0 ? [] : [`learners ${names(learners)}`]),
  ].join('; ');
  return isChanged
    ? `Configuration ${index} is in force: ${who}.`
    : `There was nothing to change. Configuration ${index} is in force: ${who}.`;
}

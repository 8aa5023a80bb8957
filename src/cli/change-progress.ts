import { setTimeout as delay } from 'node:timers/promises';
import type { RaftClient } from '../api/client-types.ts';
import type { NodeStatus } from '../api/schema.ts';
import { counted } from '../lib/counted.ts';
import { phaseInWords } from './config-report.ts';

const BAR_CELLS = 24;

/** A change that takes no longer than this is done before anybody could read about it, in milliseconds. */
const QUIET_MS = 150;
const POLL_MS = 150;
const ASK_TIMEOUT_MS = 500;

/** How far a change of members is, from the leader's status: a line for the phase, and a bar for each who catches up. */
export function progressLines(status: NodeStatus, nameOf: (id: string) => string): readonly string[] {
  const { phase, waitsFor } = status.configuration;
  if (phase === 'stable') return ['Waiting for the change to begin.'];
  const head = `${phase}: ${phaseInWords(phase)}`;
  if (phase !== 'catching-up') {
    return waitsFor.length === 0 ? [head] : [head, `  waits for ${waitsFor.map(nameOf).join(', ')}`];
  }
  const bars = waitsFor.map((id) => {
    const match = status.members.find((member) => member.id === id)?.matchIndex ?? 0;
    return `  ${nameOf(id)}  ${bar(match, status.lastIndex)} ${match} of ${counted(status.lastIndex, 'entry', 'entries')}`;
  });
  return [head, ...bars];
}

function bar(done: number, all: number): string {
  const filled = all === 0 ? BAR_CELLS : Math.floor((BAR_CELLS * Math.min(done, all)) / all);
  return '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
}

/** Looks at the leader again and again until `signal` ends it, and shows what it finds. Never throws. */
export async function followChange(
  client: RaftClient,
  nameOf: (id: string) => string,
  show: (lines: readonly string[]) => void,
  signal: AbortSignal,
): Promise<void> {
  await pause(QUIET_MS, signal);
  while (!signal.aborted) {
    const lines = await lookOnce(client, nameOf, signal);
    if (!signal.aborted) show(lines);
    await pause(POLL_MS, signal);
  }
}

async function lookOnce(
  client: RaftClient,
  nameOf: (id: string) => string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { url } = await client.leader({ signal, timeoutMs: ASK_TIMEOUT_MS });
    return progressLines(await client.status(url, { signal, timeoutMs: ASK_TIMEOUT_MS }), nameOf);
  } catch {
    return ['Nobody leads now: the next leader finishes the change, or takes it back.'];
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}

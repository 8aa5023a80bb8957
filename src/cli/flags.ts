import * as Flags from '@oclif/core/flags';
import { DEFAULT_CLUSTER_DIR } from '../cluster/names.ts';
import { CLIENT_TIMEOUT_MS } from '../lib/limits.ts';
import { parseNodeUrls, parseWholeNumber, usage } from './values.ts';

/** A flag that takes a whole number from `min` to `max`. */
export const wholeNumber = Flags.custom<number, { readonly min: number; readonly max: number }>({
  parse: async (text, _context, { min, max }) => parseWholeNumber(text, { min, max }),
});

/** The cluster directory. */
export const dirFlags = {
  dir: Flags.string({
    description: `The cluster directory, ./${DEFAULT_CLUSTER_DIR} unless given.`,
    helpValue: 'DIR',
  }),
};

/** How long a command waits, in seconds on the command line and in milliseconds inside. */
export const timeoutFlags = {
  timeout: Flags.custom<number>({
    description: `Wait at most this many seconds, ${CLIENT_TIMEOUT_MS / 1000} unless given.`,
    helpValue: 'SECONDS',
    parse: async (text) => parseSeconds(text),
  })(),
};

/** How the cluster is found. */
export const serverFlags = {
  ...dirFlags,
  server: Flags.custom<readonly string[]>({
    description: 'Addresses of nodes, in place of the cluster directory. RAFT_SERVER says the same.',
    helpValue: 'URL[,URL]',
    parse: async (text) => parseNodeUrls(text),
  })(),
};

/** How a command that changes something is sent. */
export const onceFlags = {
  once: Flags.boolean({
    description:
      'Send it without a session, and so at most once: nothing is tried again once bytes have left.',
  }),
};

const SECONDS_MAX = 3600;

/** A time in seconds as milliseconds. Throws `usage`. */
export function parseSeconds(text: string): number {
  const milliseconds = /^\d+(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : 0;
  if (milliseconds >= 1 && milliseconds <= SECONDS_MAX * 1000) return milliseconds;
  throw usage(`This needs a number of seconds, more than 0 and at most ${SECONDS_MAX}; it got "${text}".`);
}

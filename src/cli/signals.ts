import { constants } from 'node:os';

/** The signals that ask a process to end. */
export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const ENDING_SIGNALS: readonly EndingSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Calls `handler` for every signal that asks the process to end; the function that is returned stops that. */
export function onEndingSignal(handler: (signal: EndingSignal) => void): () => void {
  const releases = ENDING_SIGNALS.map((signal) => {
    const listener = (): void => handler(signal);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const release of releases) release();
  };
}

/** The exit code by which shells name the end by a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
export function signalExitCode(signal: EndingSignal): number {
  return 128 + constants.signals[signal];
}

/** The exit code by which shells name the end by SIGPIPE, 141: nobody reads what is written. */
export const READER_GONE_EXIT_CODE = 128 + constants.signals.SIGPIPE;

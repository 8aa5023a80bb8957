import type { Clock } from './ports.ts';

/** The real clock: monotonic, so that a change of the wall clock moves nothing. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  soon(callback) {
    setImmediate(callback);
  },
};

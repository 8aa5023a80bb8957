import type { Clock } from '../ports.ts';
import type { Patience } from './pending-requests.ts';

/** Gives a request until its deadline, or until the client goes away. */
export async function withDeadline<T>(
  clock: Clock,
  { timeoutMs, signal }: Patience,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const cancel = clock.after(timeoutMs, () => deadline.abort());
  try {
    return await request(signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]));
  } finally {
    cancel();
  }
}

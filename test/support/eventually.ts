const POLL_MS = 10;

/**
 * Asks again until `attempt` gives something, and gives that. Throws where `withinMs` pass first, with the last error:
 * a limit for a test that would otherwise hang, not a time that it waits.
 */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T | undefined> | T | undefined,
  withinMs = 20_000,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  let lastError: unknown;
  while (performance.now() < deadlineMs) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`It never came to pass within ${withinMs} ms: ${what}`, { cause: lastError });
}

import type { Logger } from '../ports.ts';

/** A logger that fails, its disk being full, say, must not take the node with it. */
export function unfailing(logger: Logger): Logger {
  const attempt = (say: () => void): void => {
    try {
      say();
    } catch {
      // There is nobody left to tell.
    }
  };
  return {
    info: (message) => attempt(() => logger.info(message)),
    warn: (message) => attempt(() => logger.warn(message)),
  };
}

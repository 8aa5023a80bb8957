import type { Logger } from '../raft/ports.ts';
import { jsonLine } from './json.ts';

/** How a node's lines look: for people, or one JSON object a line. */
export type LineFormat = 'text' | 'json';

/** A logger that gives each sentence to `write` as one line, with the time in UTC. */
export function createLineLogger(format: LineFormat, write: (line: string) => void): Logger {
  const line = (level: 'info' | 'warn', message: string): string => {
    const time = new Date().toISOString();
    if (format === 'json') return jsonLine({ time, level, message });
    // One line stays one line: whoever reads it line by line must not take a part of it for another.
    return `${time} ${level.padEnd(4)} ${message.replaceAll('\n', ' ')}\n`;
  };
  return {
    info: (message) => write(line('info', message)),
    warn: (message) => write(line('warn', message)),
  };
}

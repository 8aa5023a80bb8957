import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interpreter } from './commands.ts';

const DIRECTORY = join(import.meta.dirname, 'transcripts');
const IS_REWRITING = process.env.UPDATE_TRANSCRIPTS === '1';

if (IS_REWRITING && process.env.CI !== undefined) throw new Error('Transcripts are not rewritten in CI');

/**
 * A transcript is prose, commands, a line of four dashes, and what the cores did. Commands are at the beginning of a
 * line, prose begins with `#`, and an empty line ends what was done.
 */
function replay(text: string): string {
  const interpreter = new Interpreter();
  const blocks = text.split(/\n\n+/).map((block) => {
    const lines = block.split('\n').filter((line) => line !== '');
    const commands = lines.slice(0, lines.indexOf('----') === -1 ? lines.length : lines.indexOf('----'));
    if (commands.every((line) => line.startsWith('#'))) return commands.join('\n');
    const done = commands.filter((line) => !line.startsWith('#')).flatMap((line) => interpreter.run(line));
    return [...commands, '----', ...(done.length === 0 ? ['nothing'] : done)].join('\n');
  });
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

describe('the core, as its transcripts tell', () => {
  for (const file of readdirSync(DIRECTORY).sort()) {
    const path = join(DIRECTORY, file);
    const text = readFileSync(path, 'utf8');
    const title = text.split('\n')[0]?.replace(/^#\s*/, '') ?? file;
    it(`${file}: ${title}`, () => {
      const replayed = replay(text);
      if (IS_REWRITING) writeFileSync(path, replayed);
      else expect(replayed).toBe(text);
      // The same inputs give the same transcript, byte for byte.
      expect(replay(text)).toBe(replayed);
    });
  }
});

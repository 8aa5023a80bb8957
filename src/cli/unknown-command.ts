import { readFile } from 'node:fs/promises';
import { RaftError } from '../lib/errors.ts';

/** Of a name that is further than this from what was typed, in letters changed, nobody can say that it was meant. */
const DISTANCE_MAX = 2;

/** Names are short: what is longer than this is none, and is neither compared nor repeated as a whole. */
const NAME_LENGTH_MAX = 64;

/**
 * The error for a command line that oclif finds no command in. `words` is what was typed before the first flag, and
 * `commands` are the names of all commands, their words separated by spaces.
 */
export function unknownCommand(words: readonly string[], commands: readonly string[]): RaftError {
  const known = commands.find((name) => words.slice(0, wordsIn(name).length).join(' ') === name);
  if (known !== undefined) return unexpectedArguments(words.slice(wordsIn(known).length), known);
  const topic = commands.some((name) => name.startsWith(`${words[0]} `)) ? words[0] : undefined;
  const typed = words.slice(0, topic === undefined ? 1 : 2).join(' ');
  const meant = nearest(words, commands);
  return new RaftError('usage', `There is no command ${JSON.stringify(shortened(typed))}.`, {
    suggestions: [
      ...(meant === undefined ? [] : [`Did you mean raft ${meant}?`]),
      `raft ${topic === undefined ? '' : `${topic} `}--help   # names the commands that there are`,
    ],
  });
}

/** The names of all commands, from the manifest in the directory of package.json; none where it cannot be read. */
export async function commandNames(root: URL): Promise<readonly string[]> {
  const text = await readFile(new URL('oclif.manifest.json', root), 'utf8').catch(() => '{}');
  const manifest: unknown = JSON.parse(text);
  const hasCommands = typeof manifest === 'object' && manifest !== null && 'commands' in manifest;
  if (!hasCommands || typeof manifest.commands !== 'object' || manifest.commands === null) return [];
  return Object.keys(manifest.commands).map((id) => id.replaceAll(':', ' '));
}

function unexpectedArguments(rest: readonly string[], command: string): RaftError {
  const what = rest.length === 1 ? 'argument' : 'arguments';
  return new RaftError('usage', `Unexpected ${what}: ${rest.map(quotedIfNeeded).join(', ')}.`, {
    suggestions: [`raft ${command} --help   # says what it takes`],
  });
}

/** The command, or else the topic, whose name is the least away from the first words of the command line. */
function nearest(words: readonly string[], commands: readonly string[]): string | undefined {
  const topics = new Set(commands.filter((name) => name.includes(' ')).map((name) => wordsIn(name)[0] ?? ''));
  let best: string | undefined;
  let bestDistance = DISTANCE_MAX + 1;
  for (const name of [...commands, ...topics]) {
    const typed = words.slice(0, wordsIn(name).length).join(' ');
    if (typed.length > NAME_LENGTH_MAX || typed.length <= DISTANCE_MAX) continue;
    const distance = lettersChanged(typed, name);
    // A topic that was typed as it is was meant already.
    if (distance === 0 || distance >= bestDistance) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** How many letters have to be put in, taken out or replaced to make one text of the other (Levenshtein). */
function lettersChanged(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [above, letter] of [...from].entries()) {
    const next = [above + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function wordsIn(name: string): readonly string[] {
  return name.split(' ');
}

/** What was typed as it is, unless it would not stand in one line for itself. */
function quotedIfNeeded(text: string): string {
  return /^[^\s\p{Cc}]{1,64}$/u.test(text) ? text : JSON.stringify(shortened(text));
}

function shortened(text: string): string {
  return text.length <= NAME_LENGTH_MAX ? text : `${text.slice(0, NAME_LENGTH_MAX)}…`;
}

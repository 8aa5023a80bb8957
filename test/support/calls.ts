import { join } from 'node:path';
import { type Command, Config } from '@oclif/core';

const { commands } = await Config.load({
  root: join(import.meta.dirname, '../..'),
  userPlugins: false,
  devPlugins: false,
});

/** Words as a shell takes them apart; quotes hold one together. */
function wordsOf(call: string): readonly string[] {
  return call.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
}

/** What is wrong with a call, or undefined. A `complete` one, unlike one that is merely mentioned, has all arguments. */
export function problemOf(call: string, kind: 'complete' | 'mentioned'): string | undefined {
  if (call === '--version') return undefined;
  const words = wordsOf(call);
  if (words.at(-1) === '--help') return problemWithHelp(words.slice(0, -1));
  const end = words.findIndex((word) => !/^[a-z]+$/.test(word));
  const names = words.slice(0, end === -1 ? words.length : end);
  const command = commands
    .filter(({ id }) => `${names.join(':')}:`.startsWith(`${id}:`))
    .sort((a, b) => b.id.length - a.id.length)[0];
  if (command === undefined) {
    const isTopic = commands.some(({ id }) => id.startsWith(`${words.join(':')}:`));
    return isTopic && kind === 'mentioned' ? undefined : `raft ${call}: there is no such command`;
  }
  return problemWithRest(command, words.slice(command.id.split(':').length), kind);
}

/** Help is there of the program, of every topic and of every command. */
function problemWithHelp(names: readonly string[]): string | undefined {
  const isKnown = names.length === 0 || commands.some(({ id }) => `${id}:`.startsWith(`${names.join(':')}:`));
  return isKnown ? undefined : `raft ${names.join(' ')}: there is no help of it`;
}

function problemWithRest(
  command: Command.Loadable,
  words: readonly string[],
  kind: 'complete' | 'mentioned',
): string | undefined {
  let count = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!/^-./.test(word)) {
      count++;
      continue;
    }
    const [name = ''] = word.split('=');
    const flag = Object.values(command.flags).find(
      (one) => name === `--${one.name}` || name === `-${one.char}`,
    );
    if (flag === undefined) return `raft ${command.id}: there is no ${name}`;
    // The next word is the flag's value.
    if (flag.type === 'option' && !word.includes('=')) at++;
  }
  const args = Object.values(command.args);
  if (command.strict !== false && count > args.length) return `raft ${command.id}: too many arguments`;
  const needed = args.filter((arg) => arg.required === true).length;
  return kind === 'complete' && count < needed ? `raft ${command.id}: an argument is missing` : undefined;
}

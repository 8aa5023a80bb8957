import { type Command, Config } from '@oclif/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, codeIn, documents, proseOf, ROOT, readDocument } from './markdown.ts';

let commands: readonly Command.Loadable[];

beforeAll(async () => {
  const config = await Config.load({ root: ROOT, userPlugins: false, devPlugins: false });
  ({ commands } = config);
});

/** How the program is called, in front of its own words. */
const CALL = /^(?:npx )?(?:-p raft-toolkit )?(?:raft|bin\/dev\.js) +/;

/** The reference is made from the manifest itself; its synopses are no command lines. */
function withoutReference(markdown: string): string {
  return markdown.replaceAll(/<!-- (usage|commands) -->.*?<!-- \1stop -->/gs, '');
}

/** Every call of the program in a line of a shell, as the words behind its name. */
function callsIn(line: string): readonly string[] {
  // What stands in quotes is one word to a shell, whatever is in it.
  const quoted = line.replace(/^\s*\$ /, '').replaceAll(/'[^']*'|"[^"]*"/g, "'…'");
  const parts = quoted.split(/ && | \| /);
  return parts.flatMap((part) => {
    const call = part
      .trim()
      .replace(/ +#.*$/, '')
      .replace(/ +[<>].*$/, '');
    return CALL.test(call) ? [call.replace(CALL, '')] : [];
  });
}

/** Words as a shell takes them apart; quotes hold one together. */
function wordsOf(call: string): readonly string[] {
  return call.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
}

/** What is wrong with a call, or undefined. A `complete` one, unlike one that is merely mentioned, has all arguments. */
function problemOf(call: string, kind: 'complete' | 'mentioned'): string | undefined {
  const words = wordsOf(call);
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

describe('every command line', () => {
  for (const document of documents()) {
    const markdown = withoutReference(readDocument(document));

    it(`in the blocks of ${document} can be typed`, () => {
      const lines = blocksOf(markdown)
        .filter(({ language }) => language === 'sh' || language === 'console')
        .flatMap(({ text }) => text.split('\n'));
      expect(lines.flatMap(callsIn).flatMap((call) => problemOf(call, 'complete') ?? [])).toEqual([]);
    });

    it(`that the prose of ${document} mentions exists`, () => {
      const calls = codeIn(proseOf(markdown)).flatMap(callsIn);
      expect(calls.flatMap((call) => problemOf(call, 'mentioned') ?? [])).toEqual([]);
    });
  }

  it('of the README is looked at: there are many', () => {
    const markdown = withoutReference(readDocument('README.md'));
    expect(
      blocksOf(markdown).flatMap(({ text }) => text.split('\n').flatMap(callsIn)).length,
    ).toBeGreaterThan(20);
    expect(codeIn(proseOf(markdown)).flatMap(callsIn).length).toBeGreaterThan(20);
  });

  it('that is wrong is found', () => {
    expect(problemOf('log polish node1.log', 'complete')).toMatch('no such command');
    expect(problemOf('kv get a --slowly', 'complete')).toMatch('no --slowly');
    expect(problemOf('kv put a', 'complete')).toMatch('missing');
    expect(problemOf('kv get a b', 'mentioned')).toMatch('too many');
    expect(problemOf('cluster', 'complete')).toMatch('no such command');
    expect(problemOf("kv put 'a b' c --timeout 3", 'complete')).toBeUndefined();
    expect(problemOf('cluster', 'mentioned')).toBeUndefined();
  });
});

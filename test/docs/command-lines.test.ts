import { describe, expect, it } from 'vitest';
import { problemOf } from '../support/calls.ts';
import { blocksOf, codeIn, documents, proseOf, readDocument } from './markdown.ts';

/** How the program is called, in front of its own words. */
const CALL = /^(?:npx )?(?:-p raft-toolkit )?(?:raft|bin\/dev\.js) +/;

/** The reference is made from the manifest itself; its synopses are no command lines. */
function withoutReference(markdown: string): string {
  return markdown.replaceAll(/<!-- commands -->.*?<!-- commandsstop -->/gs, '');
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
    expect(problemOf('log polish --help', 'complete')).toMatch('no help');
    for (const asked of ['--help', 'log --help', 'log verify --help', '--version'])
      expect(problemOf(asked, 'complete')).toBeUndefined();
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { textOf, utf8 } from '../../src/lib/bytes.ts';
import { decodePayload } from '../../src/lib/entry.ts';
import { decodeEntries, encodeFrames } from '../../src/logfmt/frame.ts';
import { decodeIdentity, encodeIdentity } from '../../src/logfmt/identity.ts';
import { decodeCommitHint, decodeState } from '../../src/logfmt/records.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { dumpLog } from '../../src/logtools/rows.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { bytesOfHex, exampleIn, ROOT, readDocument, tableUnder } from './markdown.ts';

const FORMAT = readDocument('docs/FORMAT.md');

describe('docs/FORMAT.md', () => {
  it('shows two frames that decode to what its text says, and encode to the same bytes', () => {
    const bytes = bytesOfHex(exampleIn(FORMAT, 'frames'));
    const { entries, end } = decodeEntries(bytes);
    expect(end).toBe('complete');
    expect(entries.map(({ index, term }) => ({ index, term }))).toEqual([
      { index: 1, term: 1 },
      { index: 2, term: 1 },
    ]);
    expect(entries.map(({ command }) => decodePayload(command))).toEqual([
      { kind: 'noop' },
      { kind: 'command', command: utf8('put greeting hello') },
    ]);
    expect(encodeFrames(entries)).toEqual(bytes);
  });

  it('names every field of these frames with its offset and its bytes', () => {
    const bytes = bytesOfHex(exampleIn(FORMAT, 'frames'));
    for (const [offset, digits = ''] of tableUnder(FORMAT, '## A worked example')) {
      const shown = bytesOfHex(`          ${digits.replaceAll(/[`…]/g, '')}`);
      expect(shown.length).toBeGreaterThan(0);
      expect(bytes.subarray(Number(offset)).subarray(0, shown.length)).toEqual(shown);
    }
  });

  it('shows a command in a session, field by field, that decodes to what its text says', () => {
    const bytes = bytesOfHex(exampleIn(FORMAT, 'session'));
    const { entries } = decodeEntries(bytes);
    expect(entries.map(({ index, term, command }) => ({ index, term, ...decodePayload(command) }))).toEqual([
      {
        index: 2,
        term: 1,
        kind: 'session',
        place: {
          session: 'c3f4ba0bfd18abb06824c8bd9d842fa7',
          sequence: 3,
          acknowledgedBelow: 2,
          logTimeMs: 5000,
          openedAtMs: 882,
        },
        command: utf8('put greeting hello'),
      },
    ]);
    expect(encodeFrames(entries)).toEqual(bytes);
    const example = FORMAT.slice(FORMAT.indexOf('<!-- example: session -->'));
    for (const [offset, digits = ''] of tableUnder(`\n## Fields\n${example}`, '## Fields')) {
      const shown = bytesOfHex(`          ${digits.replaceAll(/[`…]/g, '')}`);
      expect(shown.length).toBeGreaterThan(0);
      expect(bytes.subarray(Number(offset)).subarray(0, shown.length)).toEqual(shown);
    }
  });

  it('shows what raft log dump prints for them', async () => {
    const path = join(temporaryDirectory(), 'example.log');
    writeFileSync(path, bytesOfHex(exampleIn(FORMAT, 'frames')));
    const lines: string[] = [];
    for await (const row of dumpLog(await locateLog(path))) lines.push(`${JSON.stringify(row)}\n`);
    expect(lines.join('')).toBe(exampleIn(FORMAT, 'dump'));
  });

  it('shows a state file and a commit file that decode to what its text says', () => {
    expect(decodeState(bytesOfHex(exampleIn(FORMAT, 'state')))).toEqual({
      type: 'value',
      value: { currentTerm: 2, votedFor: '11689843973510773323', abstainThrough: 0 },
    });
    expect(decodeCommitHint(bytesOfHex(exampleIn(FORMAT, 'commit')))).toEqual({ type: 'value', value: 4 });
  });

  it('shows a node.json with a good checksum', () => {
    const text = exampleIn(FORMAT, 'node.json');
    const decoded = decodeIdentity(utf8(text));
    expect(decoded.type === 'value' ? textOf(encodeIdentity(decoded.value)) : decoded.detail).toBe(text);
  });

  it('names the kinds of damage that the scanner knows', () => {
    const source = readFileSync(join(ROOT, 'src/logfmt/damage.ts'), 'utf8');
    const union = source.slice(source.indexOf('export type ProblemKind'), source.indexOf('/** One damage'));
    const kinds = [...union.matchAll(/\| '([a-z-]+)'/g)].map(([, kind]) => `\`${kind}\``);
    expect(kinds.length).toBeGreaterThan(5);
    expect(tableUnder(FORMAT, '## Damage').map(([kind]) => kind)).toEqual(kinds);
  });
});

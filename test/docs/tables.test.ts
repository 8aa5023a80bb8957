import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, httpStatusOf, isRaftErrorCode, type RaftErrorCode } from '../../src/lib/errors.ts';
import * as limits from '../../src/lib/limits.ts';
import { codeIn, ROOT, readDocument, tableIn, tableUnder } from './markdown.ts';

/** Every code of src/lib/errors.ts, read from the text of its union: a type leaves nothing behind at run time. */
function errorCodes(): readonly RaftErrorCode[] {
  const source = readFileSync(join(ROOT, 'src/lib/errors.ts'), 'utf8');
  return [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code = '']) => code).filter(isRaftErrorCode);
}

describe('the tables of errors', () => {
  it('in docs/HTTP.md have every code, with the status and the exit code of src/lib/errors.ts', () => {
    const rows = tableIn(readDocument('docs/HTTP.md'), 'errors');
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.map(([code, status, exitCode]) => [code, status, exitCode])).toEqual(
      errorCodes().map((code) => [`\`${code}\``, String(httpStatusOf(code)), String(exitCodeOf(code))]),
    );
  });

  it('in the README have every code beside its exit code', () => {
    const rows = tableUnder(readDocument('README.md'), '## Exit codes');
    const documented = rows.flatMap(([exitCode, , codes = '']) =>
      codeIn(codes).map((code) => [code, exitCode]),
    );
    const known = errorCodes().map((code) => [code, String(exitCodeOf(code))]);
    expect(new Map(documented.map(([code = '', exitCode]) => [code, exitCode]))).toEqual(
      new Map(known.map(([code = '', exitCode]) => [code, exitCode])),
    );
    expect(documented).toHaveLength(known.length);
  });
});

/** A limit as the README writes it. */
function written(name: string, value: number): string {
  if (name.endsWith('_MS')) return `${value / 1000} s`;
  if (!name.includes('_BYTES_')) return value.toLocaleString('en');
  return value % 2 ** 20 === 0 ? `${value / 2 ** 20} MiB` : `${value / 2 ** 10} KiB`;
}

describe('the limits of the README', () => {
  const values = new Map<string, unknown>(Object.entries(limits));

  for (const [what, limit, name = ''] of tableUnder(readDocument('README.md'), '## Limits')) {
    it(`say of "${what}" what src/lib/limits.ts says`, () => {
      const constant = codeIn(name)[0] ?? '';
      const value = Number(values.get(constant));
      expect(limit?.replace(' items', '')).toBe(written(constant, value));
    });
  }
});

/** A table of arrays in the source of the test of the house: `  name: ['a', 'b'],`. */
function roomsIn(source: string, constant: string): ReadonlyMap<string, string> {
  const text = source.slice(source.indexOf(`const ${constant}`));
  const lines = text.slice(0, text.indexOf('\n}')).matchAll(/^ {2}(\w+): \[(.*)\],$/gm);
  return new Map([...lines].map(([, room = '', list = '']) => [room, list.replaceAll("'", '')]));
}

describe('the table of rooms in docs/ARCHITECTURE.md', () => {
  it('says what test/layering.test.ts enforces', () => {
    const source = readFileSync(join(ROOT, 'test/layering.test.ts'), 'utf8');
    const raft = /^const RAFT = \[(.*)\] as const;$/m.exec(source)?.[1]?.replaceAll("'", '') ?? '';
    const places = roomsIn(source, 'ROOMS');
    const mayImport = roomsIn(source, 'MAY_IMPORT');
    const enforced = [...mayImport].map(([room, list]) => [
      room,
      places.get(room),
      list.replace('...RAFT', raft) || 'nothing',
    ]);
    const rows = tableIn(readDocument('docs/ARCHITECTURE.md'), 'rooms');
    const documented = rows.map(([room, where = '', , imports]) => [room, codeIn(where).join(', '), imports]);
    expect(documented.length).toBeGreaterThan(10);
    expect(documented).toEqual(enforced);
  });
});

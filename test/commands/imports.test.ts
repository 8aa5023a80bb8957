import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const COMMANDS = fileURLToPath(new URL('../../src/commands', import.meta.url));

/** Packages that take longer to load than most commands take to run. */
const SLOW = ['execa', 'undici', 'ink', 'react', 'hyparquet-writer'];

/** Everything that a file imports before it runs, packages and files, types aside. */
async function importsOf(file: string, seen: Set<string>): Promise<Set<string>> {
  seen.add(file);
  const text = await readFile(file, 'utf8');
  for (const [, clause = '', specifier = ''] of text.matchAll(
    /^(?:import|export) ([^;]*?)from '([^']+)';$/gm,
  )) {
    if (clause.startsWith('type ')) continue;
    if (!specifier.startsWith('.')) seen.add(specifier);
    else if (!seen.has(resolve(dirname(file), specifier)))
      await importsOf(resolve(dirname(file), specifier), seen);
  }
  return seen;
}

describe('a command', () => {
  it('loads what is slow only once it runs', async () => {
    const names = (await readdir(COMMANDS, { recursive: true })).filter((name) => name.endsWith('.ts'));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const imports = await importsOf(join(COMMANDS, name), new Set());
      expect(imports.has('@oclif/core/command'), name).toBe(true);
      expect(
        SLOW.filter((slow) => imports.has(slow)),
        name,
      ).toEqual([]);
    }
  });

  it('that checks a log loads no more than it needs for most of them', async () => {
    const imports = [...(await importsOf(join(COMMANDS, 'log/verify.ts'), new Set()))];
    const unwanted = /node:(crypto|worker_threads|child_process)|cluster-file|lock\.ts|scan-threads/;
    expect(imports.filter((name) => unwanted.test(name))).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/lib/assert.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { blocksOf, ROOT, readDocument } from './markdown.ts';

const README = readDocument('README.md');
const TIMEOUT_MS = 30_000;

/** The script of package.json that writes the command reference. */
function readmeScript(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const script = /"readme":"([^"]+)"/.exec(JSON.stringify(parsed))?.[1];
  assert(script !== undefined, 'package.json has no script called readme');
  return script;
}

describe('the README', () => {
  it('opens with the line that runs the program and the line that runs the tests', () => {
    const lines = blocksOf(README).slice(0, 2);
    expect(lines).toEqual([
      { language: 'sh', text: 'npm ci && npx raft cluster up -n 5\n' },
      { language: 'sh', text: 'npm ci && npm test\n' },
    ]);
  });

  it('has the package installed from nowhere, as long as it is not published', () => {
    expect(README).not.toMatch(/npm (install|i|add) .*raft-toolkit/);
  });

  it('has the line of the tests once, where .ci/run finds it', () => {
    expect(README.match(/^npm .* npm test$/gm)).toEqual(['npm ci && npm test']);
  });

  it(
    'has a current command reference (npm run readme makes it so)',
    () => {
      const directory = temporaryDirectory();
      for (const name of ['README.md', 'package.json', 'oclif.manifest.json']) {
        copyFileSync(join(ROOT, name), join(directory, name));
      }
      const run = spawnSync('sh', ['-c', readmeScript()], {
        cwd: directory,
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
        env: {
          PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
          HOME: directory,
          OCLIF_SKIP_NEW_VERSION_CHECK: '1',
        },
      });
      expect(run.status, run.stderr).toBe(0);
      const written = readFileSync(join(directory, 'README.md'), 'utf8');
      expect(written).toBe(README);
      expect(written).toContain('## `raft cluster up`');
    },
    TIMEOUT_MS,
  );

  it(
    'shows a use of the library that works as it is printed',
    () => {
      const program = blocksOf(README).find(({ language }) => language === 'js')?.text ?? '';
      const directory = temporaryDirectory();
      mkdirSync(join(directory, 'node_modules'));
      symlinkSync(ROOT, join(directory, 'node_modules/raft-toolkit'));
      const port = '7700 + Number(server.id)';
      expect(program).toContain(port);
      // The ports of the example may be in use here.
      writeFileSync(join(directory, 'example.mjs'), program.replace(port, '0'));
      const run = spawnSync(process.execPath, ['example.mjs'], {
        cwd: directory,
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
      });
      expect(run.stderr).toBe('');
      const [, promised] = /it prints `([^`]+)`/.exec(README) ?? [];
      expect(run.stdout).toBe(`${promised}\n`);
    },
    TIMEOUT_MS,
  );
});

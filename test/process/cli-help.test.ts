import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Command, Plugin } from '@oclif/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { raft } from './cli-runner.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIST = `${ROOT}/dist`;

let plugin: Plugin;

beforeAll(async () => {
  // As `oclif manifest` makes it, but read only.
  plugin = new Plugin({
    root: ROOT,
    type: 'core',
    ignoreManifest: true,
    errorOnManifestCreate: true,
    respectNoCacheDefault: true,
  });
  await plugin.load();
});

describe('the manifest', () => {
  it('is current (npm run build && npm run manifest makes it so)', async () => {
    const written: unknown = JSON.parse(await readFile(`${ROOT}/oclif.manifest.json`, 'utf8'));

    expect(written).toEqual(JSON.parse(JSON.stringify(plugin.manifest)));
  });
});

describe('the built program', () => {
  it('imports oclif as one file', async () => {
    const names = (await readdir(DIST, { recursive: true })).filter((name) => name.endsWith('.js'));
    expect(names.length).toBeGreaterThan(100);
    for (const name of names.filter((path) => !path.startsWith('vendor')))
      expect(await readFile(`${DIST}/${name}`, 'utf8'), name).not.toMatch(/^import .* from '@oclif/m);
    expect(await readFile(`${DIST}/vendor/LICENSES.txt`, 'utf8')).toMatch(
      /^@oclif\/core \d+\.\d+\.\d+ \(MIT\)/,
    );
  });
});

describe('the help', () => {
  it('of every command has a summary, a description and an example that begins with the command', () => {
    const commands: readonly Command.Cached[] = Object.values(plugin.manifest.commands);
    expect(commands.length).toBeGreaterThan(20);
    for (const { id, summary, description, examples } of commands) {
      expect(summary, id).toMatch(/\S\.$/);
      expect(description, id).toMatch(/\S\.$/);
      expect(examples?.length, id).toBeGreaterThan(0);
      expect(JSON.stringify(examples), id).toContain('<%= config.bin %> <%= command.id %>');
    }
  });

  it('of every command leaves standard input alone in each of its arguments', async () => {
    for (const { id, load } of plugin.commands) {
      const { args } = await load();
      for (const [name, arg] of Object.entries(args)) {
        expect(arg, `${id} ${name}`).toHaveProperty('ignoreStdin', true);
      }
    }
  });

  it('of every command offers --json', () => {
    for (const { id, flags } of Object.values(plugin.manifest.commands))
      expect(flags, id).toHaveProperty('json');
  });

  it('is printed for the program, a topic and a command', async () => {
    const [program, topic, command] = await Promise.all([
      raft(['--help']),
      raft(['cluster', '--help']),
      raft(['cluster', 'up', '--help']),
    ]);

    expect([program.code, topic.code, command.code]).toEqual([0, 0, 0]);
    expect(program.stdout).toContain('COMMANDS');
    expect(topic.stdout).toContain('cluster up ');
    expect(command.stdout).toContain('$ raft cluster up -n 5');
  });

  it('names the version', async () => {
    const { code, stdout } = await raft(['--version']);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^raft-toolkit\/\d+\.\d+\.\d+ /);
  });
});

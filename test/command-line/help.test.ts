import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Command, Plugin } from '@oclif/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { raft } from './runner.ts';

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
  it.each(['@oclif/core', 'ink', 'react', 'undici', 'execa'])('imports %s as one file', async (name) => {
    const files = (await readdir(DIST, { recursive: true })).filter((file) => file.endsWith('.js'));
    expect(files.length).toBeGreaterThan(100);
    const imported = new RegExp(`^import .* from '${name}['/]|import\\('${name}'`, 'm');
    for (const file of files.filter((path) => !path.startsWith('vendor')))
      expect(await readFile(`${DIST}/${file}`, 'utf8'), file).not.toMatch(imported);
  });

  it('says whose work stands in those files', async () => {
    const licences = (await readdir(`${DIST}/vendor`)).filter((file) => file.endsWith('.LICENSES.txt'));
    const texts = await Promise.all(licences.map((file) => readFile(`${DIST}/vendor/${file}`, 'utf8')));
    for (const name of ['@oclif/core', 'ink', 'react-reconciler', 'yoga-layout', 'undici', 'execa'])
      expect(texts.join('\n')).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'));
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

  it('of raft command says that 0 is no word of what the machine makes of it', async () => {
    const { stdout } = await raft(['command', '--help']);

    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'Exit code 0 says that a command was replicated and the machine answered, also where its answer is that it refuses',
    );
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

#!/usr/bin/env node
// Runs the commands from their TypeScript sources, so that nothing has to be built while one works on them.
import { readFile } from 'node:fs/promises';
import { register } from 'tsx/esm/api';

register();
const root = new URL('..', import.meta.url);
const packageJson = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
packageJson.oclif.commands = './src/commands';
const { main } = await import('../src/cli/main.ts');
await main(process.argv.slice(2), { root, packageJson });

import { fileURLToPath } from 'node:url';
import type { Interfaces } from '@oclif/core';
import { flush } from '@oclif/core/flush';
import { run } from '@oclif/core/run';
import { failureJson, failureOf, failureText, isUnknownCommand, requestedExitCode } from './failure.ts';
import { jsonLine } from './json.ts';
import { commandNames, unknownCommand } from './unknown-command.ts';

/** Where the program is. */
export interface Program {
  /** The directory of package.json, as a file URL. */
  readonly root: URL;
  /** In place of package.json and of the manifest, while one works on the sources. */
  readonly packageJson?: Interfaces.PJSON;
}

/**
 * Runs the command line `args`. Commands report their own failures (see `BaseCommand`); here are those that come
 * before any command runs, such as a name that is no command.
 */
export async function main(args: readonly string[], program: Program): Promise<void> {
  respectNoColor();
  try {
    await run([...args], loadOptions(program));
    // What is left of output that nobody reads will never be flushed.
    if (process.stdout.writable) await flush();
  } catch (error) {
    const exitCode = requestedExitCode(error) ?? report(await meant(error, args, program), args);
    // A pipe takes what it is given in pieces: ending now would cut the output short.
    if (process.stdout.writable) await flush().catch(() => {});
    process.exit(exitCode);
  }
}

function loadOptions(program: Program): Interfaces.LoadOptions {
  const root = fileURLToPath(program.root);
  return program.packageJson === undefined
    ? { root }
    : { root, pjson: program.packageJson, ignoreManifest: true };
}

/** The error, or what it means where it is oclif's word that there is no such command. */
async function meant(error: unknown, args: readonly string[], { root }: Program): Promise<unknown> {
  if (!isUnknownCommand(error)) return error;
  const flag = args.findIndex((arg) => arg.startsWith('-'));
  // A flag in place of the command is all that can be named.
  const words = args.slice(0, flag === -1 ? args.length : Math.max(flag, 1));
  return unknownCommand(words, await commandNames(root));
}

/** Prints the failure in the form that was asked for and answers its exit code. */
function report(error: unknown, args: readonly string[]): number {
  const failure = failureOf(error);
  if (args.includes('--json')) process.stdout.write(jsonLine(failureJson(failure)));
  else process.stderr.write(failureText(failure));
  if (process.env.DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return failure.exitCode;
}

/** Some libraries know only FORCE_COLOR: who asks for no colour (https://no-color.org) gets none from them either. */
function respectNoColor(): void {
  const { NO_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') process.env.FORCE_COLOR = '0';
}

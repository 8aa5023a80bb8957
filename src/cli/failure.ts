import { inspect } from 'node:util';
import { exitCodeOf, type LeaderHint, RaftError, type RaftErrorCode } from '../lib/errors.ts';
import { inOwnWords, somethingMissing } from './oclif-words.ts';
import { linesFor } from './terminal.ts';

/** What a user is told about a command that failed. */
export interface Failure {
  readonly code: RaftErrorCode;
  readonly message: string;
  /** What to do next, one line each. */
  readonly suggestions: readonly string[];
  readonly leader?: LeaderHint;
  readonly exitCode: number;
}

/** What oclif's own errors carry. Its exit code 2 stands for every mistake in the command line. */
interface OclifError extends Error {
  readonly oclif: { readonly exit?: number };
}

/** What to do about a command line that was not understood. */
export const SEE_HELP = 'Add --help to see how commands are used.';

/** Any thrown value as what the user is told. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RaftError) {
    return {
      code: error.code,
      message: withoutOclifFrame(error.message),
      suggestions: error.suggestions,
      ...(error.leader === undefined ? {} : { leader: error.leader }),
      exitCode: exitCodeOf(error.code),
    };
  }
  if (isOclifError(error)) {
    return {
      code: 'usage',
      message: sentence(missingArguments(error) ?? inOwnWords(withoutOclifFrame(error.message))),
      suggestions: [SEE_HELP],
      exitCode: exitCodeOf('usage'),
    };
  }
  const message = error instanceof Error ? error.message : inspect(error);
  return {
    code: 'unexpected',
    message: sentence(`Something unexpected happened: ${message}`),
    suggestions: ['Set DEBUG=* and repeat the command to see where it happened.'],
    exitCode: exitCodeOf('unexpected'),
  };
}

/** The failure as scripts read it from standard output. */
export function failureJson(failure: Failure): unknown {
  const { exitCode: _, ...error } = failure;
  return { error };
}

/**
 * The failure as people read it from standard error: a sentence, then what to do next. Keys and values that it names must
 * not move a terminal's cursor.
 */
export function failureText(failure: Failure): string {
  const suggestions = failure.suggestions.map((suggestion) => `  ${suggestion}\n`);
  return linesFor(`Error: ${failure.message}\n${suggestions.join('')}`, process.stderr);
}

/** The exit code that oclif's ExitError asks for, or undefined where the error is none. */
export function requestedExitCode(error: unknown): number | undefined {
  if (!isOclifError(error) || !('code' in error) || error.code !== 'EEXIT') return undefined;
  return error.oclif.exit ?? 0;
}

/** Whether oclif found no command in what was typed. It names all that could belong to one, arguments too. */
export function isUnknownCommand(error: unknown): boolean {
  return isOclifError(error) && /^command .* not found$/s.test(error.message);
}

function isOclifError(error: unknown): error is OclifError {
  return (
    error instanceof Error && 'oclif' in error && typeof error.oclif === 'object' && error.oclif !== null
  );
}

/** oclif wraps what a flag's parser throws in lines of its own; the sentence inside is what the user should read. */
function withoutOclifFrame(message: string): string {
  return message
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .trimEnd();
}

/** The arguments that oclif missed, by the names that the help gives them; its own text wraps their descriptions. */
function missingArguments(error: Error): string | undefined {
  if (!error.message.startsWith('Missing ') || !('args' in error) || !Array.isArray(error.args))
    return undefined;
  const names = error.args.map((argument: unknown) => nameOf(argument)).filter((name) => name !== undefined);
  return names.length === 0 ? undefined : somethingMissing(names);
}

function nameOf(argument: unknown): string | undefined {
  const hasName = typeof argument === 'object' && argument !== null && 'name' in argument;
  return hasName && typeof argument.name === 'string' ? argument.name.toUpperCase() : undefined;
}

function sentence(text: string): string {
  return /[.!?)]$/.test(text) || text.includes('\n') ? text : `${text}.`;
}

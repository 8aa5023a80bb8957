import { inspect } from 'node:util';
import { exitCodeOf, type LeaderHint, RaftError, type RaftErrorCode } from '../lib/errors.ts';

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
      message: sentence(inOurWords(withoutOclifFrame(error.message))),
      suggestions: ['Add --help to see how commands are used.'],
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

/** The failure as people read it from standard error: a sentence, then what to do next. */
export function failureText(failure: Failure): string {
  const suggestions = failure.suggestions.map((suggestion) => `  ${suggestion}\n`);
  return `Error: ${failure.message}\n${suggestions.join('')}`;
}

/** The exit code that oclif's ExitError asks for, or undefined where the error is none. */
export function requestedExitCode(error: unknown): number | undefined {
  if (!isOclifError(error) || !('code' in error) || error.code !== 'EEXIT') return undefined;
  return error.oclif.exit ?? 0;
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

/** The two messages of oclif that do not speak to a person who typed a command. */
function inOurWords(message: string): string {
  const command = /^command (\S*) not found$/.exec(message)?.[1];
  if (command !== undefined) return `There is no command "${command.replaceAll(':', ' ')}"`;
  const missing = /^Missing \d+ required args?:\n([\s\S]*)$/.exec(message)?.[1];
  if (missing === undefined) return message;
  // One line for each argument: its name, then what it is.
  const names = missing.split('\n').map((line) => line.trim().split(/\s/)[0]?.toUpperCase());
  return `Something is missing: ${names.join(', ')}`;
}

function sentence(text: string): string {
  return /[.!?)]$/.test(text) || text.includes('\n') ? text : `${text}.`;
}

import type { ParseResult } from '@marcbachmann/cel-js';
import { RaftError } from '../../lib/errors.ts';
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX } from '../../lib/limits.ts';

/** The types that variables of an expression have, in the words of the language. */
export type VariableType = 'int' | 'string' | 'map<string, string>';

/** What an expression is about. */
export interface ExpressionSubject {
  /** The flag that it was given with, for messages: `--where`. */
  readonly flag: string;
  /** The names that it may use. */
  readonly variables: Readonly<Record<string, VariableType>>;
  /** One that works, for messages. */
  readonly example: string;
}

/** Where in the text of an expression something is wrong, in characters. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/**
 * A condition in the Common Expression Language (CEL, https://cel.dev), which cannot loop, call out or change anything:
 * the text is parsed and its types are checked before it sees a value, and no code is made of it.
 */
export class Expression<Values extends object> {
  readonly #text: string;
  readonly #subject: ExpressionSubject;
  readonly #parsed: ParseResult;

  private constructor(text: string, subject: ExpressionSubject, parsed: ParseResult) {
    this.#text = text;
    this.#subject = subject;
    this.#parsed = parsed;
  }

  /** Errors: `usage` for what is no condition over these variables, with the place at which that shows. */
  static async compile<Values extends object>(
    text: string,
    subject: ExpressionSubject,
  ): Promise<Expression<Values>> {
    // Loaded only where there is an expression: the library takes as long as the rest of the command.
    const { Environment } = await import('@marcbachmann/cel-js');
    const environment = new Environment({
      limits: { maxAstNodes: EXPRESSION_NODES_MAX, maxDepth: EXPRESSION_DEPTH_MAX },
    });
    for (const [name, type] of Object.entries(subject.variables)) environment.registerVariable(name, type);
    let parsed: ParseResult;
    try {
      parsed = environment.parse(text);
    } catch (error) {
      throw misunderstood(text, subject, error);
    }
    const check = parsed.check();
    if (!check.valid) throw misunderstood(text, subject, check.error);
    if (check.type !== 'bool') {
      const whole = { start: 0, end: text.length };
      throw refusal(text, subject, {
        place: whole,
        summary: `it is of type ${check.type}, and has to be true or false`,
      });
    }
    return new Expression(text, subject, parsed);
  }

  /**
   * Whether the condition holds. A key that a map does not have makes it false. Errors: `usage` for what shows only with
   * values, such as a division by zero, with the place.
   */
  holds(values: Values): boolean {
    try {
      return this.#parsed(values) === true;
    } catch (error) {
      if (codeOf(error) === 'no_such_key') return false;
      throw misunderstood(this.#text, this.#subject, error);
    }
  }
}

/** Whatever the library threw, as an error that points at the place. */
function misunderstood(text: string, subject: ExpressionSubject, error: unknown): RaftError {
  const summary =
    error instanceof Error && 'summary' in error
      ? String(error.summary)
      : error instanceof Error
        ? error.message
        : '';
  return refusal(text, subject, { place: placeOf(error), summary: clauseOf(summary) });
}

function refusal(
  text: string,
  { flag, variables, example }: ExpressionSubject,
  { place, summary }: { readonly place: Place | undefined; readonly summary: string },
): RaftError {
  const where = place === undefined ? '' : ` at character ${place.start + 1}`;
  return new RaftError('usage', `${flag} is not understood${where}: ${summary}.`, {
    suggestions: [
      ...(place === undefined ? [] : pointingAt(text, place)),
      `Known names: ${Object.keys(variables).join(', ')}.`,
      `For example: ${flag} '${example}'`,
    ],
  });
}

/** The line of the text at which something is wrong, and a mark under it. */
function pointingAt(text: string, place: Place): readonly string[] {
  const before = text.slice(0, place.start);
  const column = before.length - (before.lastIndexOf('\n') + 1);
  const [line = ''] = text.slice(before.length - column).split('\n');
  // A control character or a tab would move the mark; what takes two columns still does.
  const shown = line.replaceAll(/\p{C}/gu, ' ');
  const length = Math.max(1, Math.min(place.end - place.start, line.length - column));
  return [shown, `${' '.repeat(column)}${'^'.repeat(length)}`];
}

function placeOf(error: unknown): Place | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('range' in error && isPlace(error.range)) return { start: error.range.start, end: error.range.end };
  if ('node' in error && isPlace(error.node)) return { start: error.node.start, end: error.node.end };
  return undefined;
}

function isPlace(value: unknown): value is Place {
  return (
    typeof value === 'object' &&
    value !== null &&
    'start' in value &&
    'end' in value &&
    Number.isInteger(value.start) &&
    Number.isInteger(value.end)
  );
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** The library's sentence as a clause of ours. */
function clauseOf(summary: string): string {
  const [line = ''] = summary.trim().split('\n');
  const clause = line.replace('Unexpected token: EOF', 'something is missing here').replace(/\.$/, '');
  return clause === '' ? 'it cannot be evaluated' : clause.charAt(0).toLowerCase() + clause.slice(1);
}

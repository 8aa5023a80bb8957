import type { RaftClient } from '../api/client-types.ts';
import { strictTextOf, utf8 } from '../lib/bytes.ts';
import { RaftError } from '../lib/errors.ts';
import type { Consistency } from '../raft/service.ts';
import { readStandardInput } from './standard-input.ts';
import { usage } from './values.ts';

/** A key and what it holds. */
export interface KvItem {
  readonly key: string;
  readonly value: string;
  /** The index of the entry that wrote the value. */
  readonly index: number;
}

/** The answer of the key-value machine: its fields are read one by one, since it comes from another program. */
export type KvAnswer = ReadonlyMap<string, unknown>;

/** The answer to a command that was replicated. */
export interface KvReply {
  readonly answer: KvAnswer;
  /** The index of its entry, also where the answer says none; undefined where the leader is the original's. */
  readonly index: number | undefined;
}

/** Has a key-value command replicated. Throws `machine-error` where the machine does not take it. */
export async function sendKv(client: RaftClient, command: object): Promise<KvReply> {
  const { index, response } = await client.command(utf8(JSON.stringify(command)));
  return { answer: answerIn(response), index };
}

/** Asks the key-value machine, without a write to the log. */
export async function askKv(client: RaftClient, query: object, consistency: Consistency): Promise<KvAnswer> {
  return answerIn(await client.query(utf8(JSON.stringify(query)), { consistency }));
}

/** A value from the command line, or, where it is `-`, all of standard input as it is, with its last newline. */
export async function valueFrom(argument: string): Promise<string> {
  if (argument !== '-') return argument;
  const text = strictTextOf(await readStandardInput());
  if (text === undefined)
    throw usage('Standard input is not UTF-8, and the values of the key-value machine are text.');
  return text;
}

/** A field of an answer that has to be a text. */
export function textField(answer: KvAnswer, name: string): string {
  const value = answer.get(name);
  if (typeof value !== 'string') throw strange();
  return value;
}

/** A field of an answer that has to be a number. */
export function numberField(answer: KvAnswer, name: string): number {
  const value = answer.get(name);
  if (typeof value !== 'number') throw strange();
  return value;
}

/** The items of an answer to `list`. */
export function itemsField(answer: KvAnswer): readonly KvItem[] {
  const items = answer.get('items');
  if (!Array.isArray(items)) throw strange();
  return items.map((item: unknown) => {
    const fields = fieldsOf(item);
    return {
      key: textField(fields, 'key'),
      value: textField(fields, 'value'),
      index: numberField(fields, 'index'),
    };
  });
}

function answerIn(response: Uint8Array): KvAnswer {
  const answer = fieldsOf(parsed(strictTextOf(response)));
  if (answer.get('ok') === true) return answer;
  const error = fieldsOf(answer.get('error'));
  const message = error.get('message');
  if (typeof message !== 'string') throw strange();
  throw new RaftError('machine-error', `The machine refused it: ${message}.`);
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // Another machine may answer with anything; `fieldsOf` then finds no fields.
    return undefined;
  }
}

function fieldsOf(value: unknown): KvAnswer {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function strange(): RaftError {
  return new RaftError(
    'machine-error',
    'The answer is not one of the key-value machine: the cluster runs another.',
    {
      suggestions: ['Send commands in the form of that machine: raft command TEXT'],
    },
  );
}

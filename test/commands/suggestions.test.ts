import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { repeatPlace } from '../../src/cli/repeat-place.ts';
import { problemOf } from '../support/calls.ts';

const SOURCES = join(import.meta.dirname, '../../src');
const MENTION = /\braft (cluster|command|config|kv|leader|status)\b/g;
const PLACE = ' --dir /the/place';

/** The texts of help: they speak of commands in sentences, and nobody is to type them next. */
const HELP: ReadonlySet<string> = new Set(['summary', 'description', 'examples']);

/** Every text in a file that mentions a command on a cluster, other than help; what it is given while it runs is `X`. */
function textsIn(source: ts.Node): readonly string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    const isNamed = ts.isPropertyDeclaration(node) || ts.isPropertyAssignment(node);
    if (isNamed && ts.isIdentifier(node.name) && HELP.has(node.name.text)) return;
    if (ts.isStringLiteralLike(node)) texts.push(node.text);
    if (ts.isTemplateExpression(node)) texts.push(textOfTemplate(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts.filter((text) => text.match(MENTION) !== null);
}

function textOfTemplate({ head, templateSpans }: ts.TemplateExpression): string {
  const spans = templateSpans.map(({ expression, literal }) => {
    const isPlace = /^(flag$|dirFlag\()/.test(expression.getText());
    return `${isPlace ? PLACE : 'X'}${literal.text}`;
  });
  return `${head.text}${spans.join('')}`;
}

/** What is wrong with a line that says what to type next, or nothing. */
function problemsOf(line: string): readonly string[] {
  const calls = repeatPlace(line, { dir: '/the/place' })
    .split(PLACE)
    .slice(0, -1)
    .map((before) => before.slice(before.lastIndexOf('raft ') + 'raft '.length));
  const missed = calls.length === (line.match(MENTION) ?? []).length ? [] : ['a command without the place'];
  return [...missed, ...calls.flatMap((call) => problemOf(call, 'mentioned') ?? [])];
}

describe('what any part of the program says to type next', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => {
      const text = readFileSync(join(SOURCES, path), 'utf8');
      return { path, texts: textsIn(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)) };
    });

  it('can be typed, and gets the place of the cluster behind the command', () => {
    const problems = files.flatMap(({ path, texts }) =>
      texts.flatMap((line) => problemsOf(line).map((problem) => `${path}: ${line}: ${problem}`)),
    );
    expect(problems).toEqual([]);
    expect(files.flatMap(({ texts }) => texts).length).toBeGreaterThan(40);
  });

  it('is found where it is wrong', () => {
    expect(problemsOf('raft cluster status shows where the logs are.')).toEqual([
      expect.stringContaining('too many arguments'),
    ]);
    expect(problemsOf('It waits for node2. raft config get says more.')).toEqual([
      'a command without the place',
    ]);
    expect(problemsOf('See which nodes answer: raft status')).toEqual([]);
  });
});

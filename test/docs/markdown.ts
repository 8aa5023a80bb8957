import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../src/lib/assert.ts';

export const ROOT: string = join(import.meta.dirname, '../..');

/** A fenced block: what stands behind its first fence, and its lines. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The paths of all documents, from the root of the checkout. */
export function documents(): readonly string[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return [...top, ...docs].sort();
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): readonly Block[] {
  const matches = markdown.matchAll(/^```([\w-]*)\n(.*?)^```$/gms);
  return [...matches].map(([, language = '', text = '']) => ({ language, text }));
}

/** A document without its fenced blocks. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, '');
}

/** The fenced block behind the comment `<!-- example: NAME -->`. */
export function exampleIn(markdown: string, name: string): string {
  const [block] = blocksOf(behind(markdown, `<!-- example: ${name} -->`));
  assert(block !== undefined, `No block follows the mark of example ${name}`);
  return block.text;
}

/** The bytes of a hex dump as `xxd -g1` prints it. */
export function bytesOfHex(dump: string): Uint8Array {
  const digits = dump.split('\n').flatMap((line) => line.slice(10, 58).match(/[0-9a-f]{2}/g) ?? []);
  return Uint8Array.from(digits, (byte) => Number.parseInt(byte, 16));
}

/** The rows of the table behind the comment `<!-- table: NAME -->`, each as its cells. */
export function tableIn(markdown: string, name: string): readonly (readonly string[])[] {
  return rowsOf(behind(markdown, `<!-- table: ${name} -->`));
}

/** The rows of the first table under a heading. */
export function tableUnder(markdown: string, heading: string): readonly (readonly string[])[] {
  return rowsOf(behind(markdown, `\n${heading}\n`));
}

/** What stands in backquotes, piece by piece. */
export function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

function behind(markdown: string, mark: string): string {
  const at = markdown.indexOf(mark);
  assert(at !== -1, `The document has no ${mark}`);
  return markdown.slice(at + mark.length);
}

/** The rows of the first table in a text, without its head. */
function rowsOf(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^\|[-|]+\|$/.test(line)) + 1;
  const after = lines.findIndex((line, at) => at >= first && !line.startsWith('|'));
  assert(first > 0 && after > first, 'There is no table');
  return lines.slice(first, after).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/**
 * Proves that every sync in storage is needed and tested: removes one at a time in a scratch copy, runs the storage
 * tests there, and prints which test noticed. Exits 1 if any removal survives.
 *
 *     npx tsx scripts/remove-syncs.ts
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import ts from 'typescript';

const STORAGE = 'src/raft/storage';
/** Only tests that look at what is left: one that compares the list of operations would notice any removal. */
const TESTS = ['power-loss', 'recovery', 'disk-contract'].map((name) => `test/storage/${name}.test.ts`);
const NEEDED = ['package.json', 'tsconfig.json', 'vitest.config.ts', 'src', 'test/storage'];
const SYNC_NAMES: ReadonlySet<string> = new Set(['fdatasync', 'fsync', 'fsyncDir']);
const TIMEOUT_MS = 120_000;

/** One call that makes something durable. */
interface SyncCall {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** The file's text without the call. */
  readonly without: string;
}

function main(): number {
  const root = process.cwd();
  const scratch = mkdtempSync(join(tmpdir(), 'raft-syncs-'));
  try {
    for (const path of NEEDED) cpSync(join(root, path), join(scratch, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'));
    const baseline = firstFailure(scratch);
    if (baseline !== undefined) {
      console.error(`The tests fail without any removal: ${baseline}`);
      return 1;
    }
    return report(findSyncs(root).map((sync) => ({ sync, caughtBy: tryWithout(scratch, sync) })));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function report(
  results: readonly { readonly sync: SyncCall; readonly caughtBy: string | undefined }[],
): number {
  const table = new Table({ head: ['call', 'removed', 'noticed by'], style: { head: [], border: [] } });
  for (const { sync, caughtBy } of results) {
    table.push([`${sync.file}:${sync.line}`, sync.text, caughtBy ?? 'SURVIVED']);
  }
  const survivors = results.filter(({ caughtBy }) => caughtBy === undefined).length;
  console.log(table.toString());
  console.log(
    `${results.length} syncs removed one at a time: ${results.length - survivors} noticed, ${survivors} survived.`,
  );
  return survivors === 0 && results.length > 0 ? 0 : 1;
}

/** Runs the tests with one call gone, and puts the file back. */
function tryWithout(scratch: string, sync: SyncCall): string | undefined {
  const path = join(scratch, sync.file);
  const original = readFileSync(path, 'utf8');
  writeFileSync(path, sync.without);
  try {
    return firstFailure(scratch);
  } finally {
    writeFileSync(path, original);
  }
}

/** The name of the first test that fails, or undefined where all pass. */
function firstFailure(scratch: string): string | undefined {
  const vitest = join(scratch, 'node_modules/vitest/vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run', ...TESTS, '--bail=1', '--reporter=json'], {
    cwd: scratch,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.status === 0) return undefined;
  return failedTestIn(run.stdout) ?? `the run itself: ${(run.error?.message ?? run.stderr).slice(0, 200)}`;
}

function failedTestIn(output: string): string | undefined {
  const json: unknown = JSON.parse(output.slice(output.indexOf('{')));
  const files = isRecord(json) && Array.isArray(json.testResults) ? json.testResults : [];
  for (const file of files) {
    const tests = isRecord(file) && Array.isArray(file.assertionResults) ? file.assertionResults : [];
    for (const test of tests) {
      if (isRecord(test) && test.status === 'failed') return String(test.fullName);
    }
  }
  return undefined;
}

function findSyncs(root: string): readonly SyncCall[] {
  const names = readdirSync(join(root, STORAGE)).filter((name) => name.endsWith('.ts'));
  return names
    .sort()
    .flatMap((name) => syncsIn(`${STORAGE}/${name}`, readFileSync(join(root, STORAGE, name), 'utf8')));
}

/** The calls of a sync in one file: `await file.fdatasync()`, or one with a callback, as `node:fs` has them. */
function syncsIn(file: string, source: string): readonly SyncCall[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const found: SyncCall[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isSync(node.expression)) {
      const replaced = ts.isAwaitExpression(node.parent) ? node.parent : node;
      const { line } = tree.getLineAndCharacterOfPosition(replaced.getStart());
      const without =
        source.slice(0, replaced.getStart()) + replacementFor(node) + source.slice(replaced.getEnd());
      found.push({ file, line: line + 1, text: replaced.getText(), without });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isSync(callee: ts.Expression): boolean {
  return ts.isPropertyAccessExpression(callee) && SYNC_NAMES.has(callee.name.text);
}

/** What stands for a call that does nothing: its callback called at once, or no value. */
function replacementFor(call: ts.CallExpression): string {
  const callback = call.arguments.at(-1);
  return !ts.isAwaitExpression(call.parent) && callback !== undefined
    ? `${callback.getText()}(null)`
    : 'undefined';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

process.exitCode = main();

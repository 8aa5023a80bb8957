import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const LINES_MAX = 400;

/** A room of the house, and where it is: folders end with a slash. */
const ROOMS = {
  lib: ['src/lib/'],
  core: ['src/raft/core/'],
  ports: ['src/raft/ports.ts', 'src/raft/service.ts', 'src/raft/timing.ts'],
  host: ['src/raft/clock.ts', 'src/raft/processes.ts'],
  logfmt: ['src/logfmt/'],
  storage: ['src/raft/storage/'],
  lock: ['src/raft/storage/lock.ts'],
  http: ['src/http/'],
  transport: ['src/raft/transport/'],
  machine: ['src/raft/machine/'],
  runtime: ['src/raft/runtime/', 'src/raft/server.ts'],
  logtools: ['src/logtools/'],
  tui: ['src/tui/'],
  api: ['src/api/'],
  cluster: ['src/cluster/'],
  sim: ['src/sim/'],
  node: ['src/node/'],
  cli: ['src/cli/'],
  commands: ['src/commands/'],
  index: ['src/index.ts'],
} as const;

type Room = keyof typeof ROOMS;

/** The raft itself, as the simulator and whoever composes a node may have it. */
const RAFT = ['core', 'ports', 'host', 'storage', 'lock', 'transport', 'machine', 'runtime'] as const;

/**
 * Who may import whom, beside itself (docs/ARCHITECTURE.md). `core types` are the types of the core, not its code: what
 * a port carries. Each line depends on those above it alone, so that no cycle is possible between rooms.
 */
const MAY_IMPORT: Readonly<Record<Room, readonly (Room | 'core types')[]>> = {
  lib: [],
  core: ['lib'],
  ports: ['lib', 'core types'],
  host: ['lib', 'ports'],
  logfmt: ['lib'],
  storage: ['lib', 'ports', 'core types', 'logfmt', 'lock'],
  lock: ['lib', 'ports', 'logfmt', 'storage'],
  http: ['lib', 'ports'],
  transport: ['lib', 'ports', 'core types', 'logfmt', 'http'],
  machine: ['lib', 'ports'],
  runtime: ['lib', 'core', 'ports', 'machine'],
  logtools: ['lib', 'logfmt', 'ports', 'machine'],
  tui: ['lib', 'logfmt', 'machine', 'logtools'],
  api: ['lib', 'ports', 'core types', 'http'],
  cluster: ['lib', 'ports', 'host', 'lock', 'http', 'api'],
  sim: ['lib', 'logfmt', ...RAFT],
  node: ['lib', 'logfmt', 'http', 'api', 'logtools', ...RAFT],
  cli: ['lib', 'logfmt', 'http', 'api', 'logtools', 'cluster', 'sim', 'node', ...RAFT],
  commands: ['lib', 'logfmt', 'http', 'api', 'logtools', 'tui', 'cluster', 'sim', 'node', 'cli', ...RAFT],
  index: ['lib', 'logfmt', 'http', 'api', 'logtools', 'node', ...RAFT],
};

/** Rooms whose code does the same whenever and wherever it runs. */
const PURE: readonly Room[] = ['lib', 'core', 'logfmt'];

const IMPURE_GLOBALS = new Set([
  'Date',
  'performance',
  'process',
  'console',
  'crypto',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]);

/** The one built-in module that a pure room may have: a checksum is a function of its bytes. */
const PURE_BUILT_INS: Readonly<Record<string, readonly string[]>> = { 'src/logfmt/crc.ts': ['node:zlib'] };

/** Rooms that speak to people. */
const MAY_PRINT: readonly Room[] = ['cli', 'commands'];

interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

/** The room of a file, by its path from the root of the checkout. */
function roomOf(path: string): Room | undefined {
  const rooms = Object.entries(ROOMS) as [Room, readonly string[]][];
  const exact = rooms.find(([, places]) => places.includes(path));
  const folder = rooms.find(([, places]) =>
    places.some((place) => place.endsWith('/') && path.startsWith(place)),
  );
  return (exact ?? folder)?.[0];
}

/** Everything about one file that the house does not allow, a sentence each. */
function violationsOf(path: string, text: string): string[] {
  const room = roomOf(path);
  if (room === undefined)
    return [`${path} is in no room: give it one in this test and in docs/ARCHITECTURE.md`];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, scriptKindOf(path));
  const found: string[] = [];
  if (text.split('\n').length > LINES_MAX + 1) found.push(`${path} has more than ${LINES_MAX} lines`);
  visit(source, (node) => {
    const imported = importOf(node);
    if (imported !== undefined) found.push(...importViolations(path, room, imported));
    if (isDefaultExport(node)) found.push(`${path} has a default export`);
    const name = impureName(node);
    if (name === undefined) return;
    if (PURE.includes(room)) found.push(`${path} uses ${name}, and ${room} is pure`);
    else if (name === 'console' && !MAY_PRINT.includes(room)) found.push(`${path} prints`);
  });
  return found;
}

function importViolations(path: string, room: Room, { specifier, isTypeOnly }: Import): string[] {
  if (specifier.startsWith('node:') && PURE.includes(room)) {
    const isAllowed = PURE_BUILT_INS[path]?.includes(specifier) === true;
    return isAllowed ? [] : [`${path} imports ${specifier}, and ${room} is pure`];
  }
  if (!specifier.startsWith('.')) return [];
  const target = relative(ROOT, join(ROOT, path, '..', specifier));
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return [`${path} imports ${target}, which is in no room`];
  const allowed = MAY_IMPORT[room];
  const isCoreType = targetRoom === 'core' && isTypeOnly && allowed.includes('core types');
  if (targetRoom === room || allowed.includes(targetRoom) || isCoreType) return [];
  return [`${path} imports ${target}: ${room} may not import ${targetRoom}`];
}

/** The import that a node of the syntax tree is: a declaration, a re-export, `import()`, or a type's `import()`. */
function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    return literalImport(
      node.moduleSpecifier,
      node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    );
  }
  if (ts.isExportDeclaration(node)) return literalImport(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return literalImport(node.argument.literal, true);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literalImport(node.arguments[0], false);
  }
  return undefined;
}

function literalImport(node: ts.Node | undefined, isTypeOnly: boolean): Import | undefined {
  return node !== undefined && ts.isStringLiteralLike(node)
    ? { specifier: node.text, isTypeOnly }
    : undefined;
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  return (
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true
  );
}

/** The global of the machine that an identifier stands for: not a property or a declaration of the same name. */
function impureName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') return 'Math.random';
  if (!ts.isIdentifier(node) || !IMPURE_GLOBALS.has(node.text)) return undefined;
  const { parent } = node;
  const isName = 'name' in parent && parent.name === node;
  return isName ? undefined : node.text;
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => visit(child, see));
}

function scriptKindOf(path: string): ts.ScriptKind {
  return path.endsWith('.tsx') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
}

describe('the house', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `src/${name}`)
    .sort();

  it('has files to look at', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  for (const room of Object.keys(ROOMS) as Room[]) {
    it(`keeps ${room} as its table says`, () => {
      const own = files.filter((path) => roomOf(path) === room);
      expect(own.flatMap((path) => violationsOf(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([]);
    });
  }

  it('has no file outside its rooms', () => {
    expect(files.filter((path) => roomOf(path) === undefined)).toEqual([]);
  });

  it('has a table in which no two rooms import each other, but for a file of storage that others may have alone', () => {
    const order = Object.keys(ROOMS) as Room[];
    for (const [i, room] of order.entries()) {
      const later = MAY_IMPORT[room].filter((other) => other !== 'core types' && order.indexOf(other) > i);
      expect(later).toEqual(room === 'storage' ? ['lock'] : []);
    }
  });
});

describe('the check of the house finds', () => {
  const planted: readonly (readonly [string, string, string])[] = [
    ['an import upwards', 'src/raft/core/x.ts', "import { a } from '../storage/segment.ts';"],
    ['an import of a type upwards', 'src/lib/x.ts', "import type { A } from '../raft/ports.ts';"],
    ['a re-export', 'src/logfmt/x.ts', "export { a } from '../raft/ports.ts';"],
    ['an import at run time', 'src/api/x.ts', "export const a = () => import('../cluster/launch.ts');"],
    ['a type that is imported in place', 'src/http/x.ts', "export type A = import('../api/schema.ts').A;"],
    [
      'code of the core where its types are allowed',
      'src/raft/ports.ts',
      "import { step } from './core/step.ts';",
    ],
    ['the API in the transport', 'src/raft/transport/x.ts', "import type { A } from '../../api/schema.ts';"],
    ['storage in the supervisor', 'src/cluster/x.ts', "import { a } from '../raft/storage/segment.ts';"],
    ['a file outside every room', 'src/utils/x.ts', 'export const a = 1;'],
    ['a clock', 'src/raft/core/x.ts', 'export const a = Date.now();'],
    ['chance', 'src/lib/x.ts', 'export const a = Math.random();'],
    ['a timer', 'src/raft/core/x.ts', 'setTimeout(() => {}, 1);'],
    ['the process', 'src/logfmt/x.ts', 'export const a = process.env.A;'],
    ['a built-in module', 'src/logfmt/x.ts', "import { a } from 'node:zlib';"],
    ['printing', 'src/api/x.ts', "console.log('a');"],
    ['a default export', 'src/cli/x.ts', 'export default class A {}'],
    ['a long file', 'src/cli/x.ts', '\n'.repeat(LINES_MAX + 1)],
  ];

  for (const [what, path, text] of planted) {
    it(what, () => {
      expect(violationsOf(path, text)).toHaveLength(1);
    });
  }

  it('nothing where there is nothing', () => {
    const text = [
      "import type { Persist } from './core/effects.ts';",
      "import { term } from '../lib/brands.ts';",
      'export interface Clock { readonly process: number; readonly Date: string }',
      'export const a = (clock: Clock, persist: Persist) => [clock.process, clock.Date, persist, term(1)];',
    ].join('\n');
    expect(violationsOf('src/raft/ports.ts', text)).toEqual([]);
    expect(violationsOf('src/logfmt/crc.ts', "import { crc32 } from 'node:zlib';")).toEqual([]);
    expect(violationsOf('src/cluster/x.ts', "import { a } from '../raft/storage/lock.ts';")).toEqual([]);
  });
});

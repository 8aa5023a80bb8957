/**
 * Puts what the built program needs of its large dependencies into one file each below dist/vendor, and lets the program
 * import it from there: to find and read hundreds of small files takes longer than most commands take to run. What most
 * commands never come to is left out, or does not run before it is used. The thread of `raft log verify`, which is the first
 * to run, becomes one file too. Run by `npm run build`.
 *
 *   npx tsx scripts/bundle.ts
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { builtinsPlugin, laterPlugin, standInsPlugin } from './bundle-plugins.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const VENDOR = join(DIST, 'vendor');

/** The modules that the program imports, by the file that they stand in together. */
const BUNDLES: Readonly<Record<string, readonly string[]>> = {
  oclif: ['args', 'command', 'errors', 'flags', 'flush', 'run'].map((name) => `@oclif/core/${name}`),
  ink: ['ink', 'react'],
  undici: ['undici'],
  execa: ['execa'],
  cel: ['@marcbachmann/cel-js'],
  crc: ['crc-32'],
  table: ['cli-table3'],
};

/** Modules of which little is used, and what stands in a bundle in their place. */
const STAND_INS: Readonly<Record<string, string>> = {
  undici: join(ROOT, 'scripts/stand-ins/undici.js'),
  'wsl-utils': join(ROOT, 'scripts/stand-ins/wsl-utils.js'),
};

/** What most commands never come to, as it is required. */
const LATER = [
  // oclif's, for help, errors in full dress, spinners, and commands that stand in no manifest.
  ...['ansi-escapes', 'clean-stack', 'cli-spinners', 'ejs', 'get-package-type', 'indent-string', 'lilconfig'],
  ...['minimatch', 'string-width', 'tinyglobby', 'widest-line', 'wordwrap', 'wrap-ansi'],
  // For standard input as an argument, other programs, and measurements of oclif itself.
  ...['node:readline', 'node:child_process', 'node:perf_hooks'],
  // HTTP/2 of undici.
  './client-h2.js',
];

/** What they load only where commands are run from TypeScript, or by who works on Ink. */
const EXTERNAL = ['typescript', 'ts-node', 'tsx', './devtools.js'];

/** Node's own modules are required by what is written in CommonJS. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  minifyWhitespace: true,
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"' },
  logLevel: 'warning',
  absWorkingDir: ROOT,
} satisfies BuildOptions;

mkdirSync(VENDOR, { recursive: true });
for (const [name, modules] of Object.entries(BUNDLES)) {
  const packages = await bundle(name, modules);
  writeFileSync(join(VENDOR, `${name}.LICENSES.txt`), packages.map(licenceOf).join('\n'));
  for (const module of modules) writeFileSync(join(VENDOR, fileOf(module)), await moduleText(name, module));
}
await build({
  ...OPTIONS,
  format: 'cjs',
  entryPoints: [join(ROOT, 'src/logtools/clean-runs-worker.ts')],
  outfile: join(DIST, 'logtools/clean-runs-worker.cjs'),
});
rmSync(join(DIST, 'logtools/clean-runs-worker.js'), { force: true });
for (const path of readdirSync(DIST, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.js') && !path.startsWith('vendor')) importFromBundles(join(DIST, path));
}

/** Resolves with the directories of the packages that are in it. */
async function bundle(name: string, modules: readonly string[]): Promise<readonly string[]> {
  const lines = modules.map((module) => `export * as ${namespaceOf(module)} from '${module}';`);
  const { metafile } = await build({
    ...OPTIONS,
    stdin: { contents: lines.join('\n'), resolveDir: ROOT },
    outfile: join(VENDOR, `${name}-bundle.js`),
    banner: { js: REQUIRE },
    external: EXTERNAL,
    plugins: [standInsPlugin((module) => STAND_INS[module]), laterPlugin(LATER), builtinsPlugin()],
    metafile: true,
  });
  const packages = new Set(Object.keys(metafile.inputs).flatMap((input) => packageOf(input) ?? []));
  if (packages.size === 0) throw new Error(`${name} holds no package: its licences would be missing.`);
  return [...packages].sort();
}

/** What stands in a module's place: the same names, from its bundle. */
async function moduleText(name: string, module: string): Promise<string> {
  const exports = await import(STAND_INS[module] ?? module);
  const names = Object.keys(exports).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key));
  const exported = names.filter((key) => key !== 'default' && key !== 'module.exports');
  const namespace = namespaceOf(module);
  return [
    `import { ${namespace} as all } from './${name}-bundle.js';`,
    exported.length > 0 ? `export const { ${exported.join(', ')} } = all;` : '',
    names.includes('default') ? 'export default all.default;' : '',
    '',
  ].join('\n');
}

function importFromBundles(path: string): void {
  const text = readFileSync(path, 'utf8');
  const known = Object.values(BUNDLES).flat();
  const place = relative(dirname(path), VENDOR);
  const changed = text.replace(
    /( from |import\()'([@\w][\w@/.-]*)'/g,
    (all, before: string, module: string) => {
      if (known.includes(module)) return `${before}'${place}/${fileOf(module)}'`;
      if (module.startsWith('@oclif/core')) throw new Error(`${path} imports ${module}: add it to BUNDLES.`);
      return all;
    },
  );
  if (changed !== text) writeFileSync(path, changed);
}

function fileOf(module: string): string {
  return `${namespaceOf(module)}.js`;
}

function namespaceOf(module: string): string {
  return module.replace('@oclif/core/', 'oclif_').replaceAll(/\W/g, '_');
}

/** The directory of the package that a file belongs to; undefined for what was made here. */
function packageOf(input: string): string | undefined {
  return /^node_modules\/(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

/** What a package that is copied into a bundle wants to be said of it. */
function licenceOf(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, directory, 'package.json'), 'utf8'));
  const file = readdirSync(join(ROOT, directory)).find((item) => /^licen[cs]e/i.test(item));
  const text = file === undefined ? '' : readFileSync(join(ROOT, directory, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n\n${'-'.repeat(80)}\n`;
}

/**
 * Puts what the built program needs of oclif into one file below dist/vendor, and lets the program import it from there:
 * to find and read a hundred small files takes longer than most commands take to run. The thread of `raft log verify`,
 * which begins while the scan is under way already, becomes one file too. Run by `npm run build`.
 *
 *   npx tsx scripts/bundle.ts
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const VENDOR = join(DIST, 'vendor');

/** The modules of @oclif/core that the program imports. */
const MODULES = ['args', 'command', 'errors', 'flags', 'flush', 'run'];

/** What oclif loads only where commands are run from TypeScript. */
const EXTERNAL = ['typescript', 'ts-node', 'tsx'];

const require = createRequire(import.meta.url);

mkdirSync(VENDOR, { recursive: true });
await bundleOclif();
await bundleThread();
for (const name of MODULES) writeFileSync(join(VENDOR, `${name}.js`), moduleText(name));
for (const path of readdirSync(DIST, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.js') && !path.startsWith('vendor')) importFromBundle(join(DIST, path));
}

async function bundleOclif(): Promise<void> {
  const parts = MODULES.map((name) => `${name}: require('@oclif/core/${name}')`);
  const { metafile } = await build({
    stdin: { contents: `module.exports = { ${parts.join(', ')} };`, resolveDir: ROOT },
    outfile: join(VENDOR, 'oclif.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    external: EXTERNAL,
    metafile: true,
    logLevel: 'warning',
    absWorkingDir: ROOT,
  });
  const packages = new Set(Object.keys(metafile.inputs).flatMap((input) => packageOf(input) ?? []));
  writeFileSync(join(VENDOR, 'LICENSES.txt'), [...packages].sort().map(licenceOf).join('\n'));
}

async function bundleThread(): Promise<void> {
  await build({
    entryPoints: [join(ROOT, 'src/logtools/clean-runs-worker.ts')],
    outfile: join(DIST, 'logtools/clean-runs-worker.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
}

/** `require`, because Node looks through the whole text of what is imported for the names that it exports. */
function moduleText(name: string): string {
  const names = Object.keys(require(`@oclif/core/${name}`)).filter((key) => key !== 'default');
  return [
    "import { createRequire } from 'node:module';",
    `export const { ${names.join(', ')} } = createRequire(import.meta.url)('./oclif.cjs').${name};`,
    '',
  ].join('\n');
}

function importFromBundle(path: string): void {
  const text = readFileSync(path, 'utf8');
  const place = relative(dirname(path), VENDOR);
  const changed = text.replace(/ from '@oclif\/core\/(\w+)';/g, (_, name: string) => {
    if (!MODULES.includes(name)) throw new Error(`${path} imports @oclif/core/${name}: add it to MODULES.`);
    return ` from '${place}/${name}.js';`;
  });
  if (changed !== text) writeFileSync(path, changed);
}

/** The directory of the package that a file belongs to. */
function packageOf(input: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

/** What a package that is copied into the bundle wants to be said of it. */
function licenceOf(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, directory, 'package.json'), 'utf8'));
  const file = readdirSync(join(ROOT, directory)).find((item) => /^licen[cs]e/i.test(item));
  const text = file === undefined ? '' : readFileSync(join(ROOT, directory, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n\n${'-'.repeat(80)}\n`;
}

/**
 * Writes src/logfmt/fold-module.ts anew from src/logfmt/fold.wat. A test holds them together.
 *
 *   npx tsx scripts/fold-module.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assembled, foldModuleText } from '../test/logfmt/fold-module.ts';

const SOURCES = join(import.meta.dirname, '../src/logfmt');

const wat = readFileSync(join(SOURCES, 'fold.wat'), 'utf8');
writeFileSync(join(SOURCES, 'fold-module.ts'), foldModuleText(await assembled(wat)));

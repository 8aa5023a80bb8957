/**
 * Draws the inspector on a small log with one damaged entry, as it stands on a terminal of 100x30, and puts the picture
 * into the README between its two marks.
 *
 *   npx tsx scripts/inspector-picture.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { withCurrentPicture } from '../test/tui/picture.ts';

const README = new URL('../README.md', import.meta.url);

writeFileSync(README, await withCurrentPicture(readFileSync(README, 'utf8')));

/**
 * Draws the inspector on a small log with one damaged entry, as it stands on a terminal of 100x30, and puts the picture
 * into the README between its two marks.
 *
 *   npx tsx scripts/inspector-picture.ts
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrames } from '../src/logfmt/frame.ts';
import { entriesOf, NOOP } from '../test/logtools/entries.ts';
import { Inspected } from '../test/tui/inspected.ts';

const README = join(import.meta.dirname, '..', 'README.md');
const BEGIN = '<!-- picture: inspector -->';
const END = '<!-- picture end -->';

const directory = mkdtempSync(join(tmpdir(), 'raft-picture-'));
try {
  const path = join(directory, '00000000000000000001.log');
  writeFileSync(path, sampleLog());
  const inspected = await Inspected.open(path, { columns: 100, rows: 30 }, 'broken.log');
  await inspected.press(':9<enter>');
  const text = readFileSync(README, 'utf8');
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`README.md has no ${BEGIN} with ${END} after it.`);
  const picture = `${BEGIN}\n\`\`\`text\n${inspected.frame}\n\`\`\`\n`;
  writeFileSync(README, text.slice(0, before) + picture + text.slice(after));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function sampleLog(): Uint8Array {
  const entries = entriesOf([
    [1, NOOP],
    [1, 'put greeting hello'],
    [1, { session: 0x3f, sequence: 1, text: '{"op":"put","key":"user/1","value":"Ada"}' }],
    [1, { session: 0x3f, sequence: 2, text: '{"op":"put","key":"user/2","value":"Grace"}' }],
    [2, NOOP],
    [2, { voters: ['2', '3', '4'], oldVoters: ['1', '2', '3'] }],
    [2, { voters: ['2', '3', '4'] }],
    [2, 'put greeting goodbye'],
    [3, { session: 0x51, sequence: 7, text: '{"op":"cas","key":"user/1","expect":"Ada","value":"Ada L."}' }],
    [3, 'delete greeting'],
    ...Array.from({ length: 20 }, (_, i) => [3, `put counter ${i}`] as const),
  ]);
  const bytes = encodeFrames(entries);
  const damagedAt = encodeFrames(entries.slice(0, 7)).length + 30;
  bytes[damagedAt] = (bytes[damagedAt] ?? 0) ^ 1;
  return bytes;
}

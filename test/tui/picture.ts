import { encodeFrames } from '../../src/logfmt/frame.ts';
import { entriesOf, NOOP } from '../logtools/entries.ts';
import { segmentName, TempDir } from '../logtools/temp-dir.ts';
import { Inspected } from './inspected.ts';

const BEGIN = '<!-- picture: inspector -->';
const END = '<!-- picture end -->';

/** The README with the picture of the inspector, between its two marks, as it is now. */
export async function withCurrentPicture(readme: string): Promise<string> {
  const [before, after] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`README.md has no ${BEGIN} with ${END} after it.`);
  const picture = `${BEGIN}\n\`\`\`text\n${await drawn()}\n\`\`\`\n`;
  return readme.slice(0, before) + picture + readme.slice(after);
}

/** A small log with one damaged entry, on a terminal of 100x30. */
async function drawn(): Promise<string> {
  await using dir = await TempDir.make();
  const path = await dir.write(segmentName(1), sampleLog());
  const inspected = await Inspected.open(path, { columns: 100, rows: 30 }, 'broken.log');
  await inspected.press(':9<enter>');
  return inspected.frame;
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

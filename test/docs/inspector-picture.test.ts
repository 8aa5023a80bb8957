import { expect, it } from 'vitest';
import { withCurrentPicture } from '../tui/picture.ts';
import { readDocument } from './markdown.ts';

it('the README shows the inspector as it is (npx tsx scripts/inspector-picture.ts makes it so)', async () => {
  const readme = readDocument('README.md');
  expect(await withCurrentPicture(readme)).toBe(readme);
});

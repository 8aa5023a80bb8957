import { expect, it } from 'vitest';
import { progressLine } from '../../src/cli/log-progress.ts';

it('a bar says how much is done, how fast, and how long it will take', () => {
  const mib = 1024 * 1024;
  expect(progressLine('Checking', { done: 250 * mib, total: 1000 * mib, elapsedMs: 500 })).toBe(
    'Checking ██████░░░░░░░░░░░░░░░░░░ 25%  500 MiB/s, 2 s left',
  );
  expect(progressLine('Checking', { done: 0, total: 0, elapsedMs: 1 })).toContain('100%');
});

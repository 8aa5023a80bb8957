import { describe, expect, it } from 'vitest';
import { inspectLine } from '../../src/cli/log-lines.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { inspectLog } from '../../src/logtools/rows.ts';
import { fixturePath } from '../logfmt/logs.ts';

/** The line of the damage in a log of the fixtures. */
async function damageLine(name: string): Promise<string | undefined> {
  let line: string | undefined;
  for await (const row of inspectLog(await locateLog(fixturePath(`damaged-log/${name}.log`)))) {
    if (row.type === 'damage') line = inspectLine(row);
  }
  return line;
}

describe('a line of damage', () => {
  it.each([
    ['bitflip-command', /^ +\d+ {2}!! checksum-mismatch: .* a node refuses to start on it\)$/],
    ['torn-tail', /^ +\d+ {2}!! torn-tail: .* a node goes on after it\)$/],
  ])('cries out for what takes something away: %s', async (name, line) => {
    expect(await damageLine(name)).toMatch(line);
  });

  it('does not for the zeros that every crash leaves', async () => {
    expect(await damageLine('zero-tail')).toMatch(/^ +\d+ {2}zero-tail: .* a node goes on after it\)$/);
  });
});

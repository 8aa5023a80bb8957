import { describe, expect, it } from 'vitest';
import { diffSummaryLines } from '../../src/cli/log-diff-lines.ts';
import { inspectLine, verifyLines } from '../../src/cli/log-lines.ts';
import { statsLines } from '../../src/cli/log-stats-lines.ts';
import { concatBytes, utf8 } from '../../src/lib/bytes.ts';
import { encodeFrames } from '../../src/logfmt/frame.ts';
import { diffLogs } from '../../src/logtools/diff.ts';
import { locateLog } from '../../src/logtools/locate.ts';
import { inspectLog } from '../../src/logtools/rows.ts';
import { statsOf } from '../../src/logtools/stats.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { entriesOf } from '../logtools/entries.ts';
import { collect, TempDir } from '../logtools/temp-dir.ts';

const LOG = encodeFrames(
  entriesOf([
    [1, 'put a 1'],
    [1, 'put b 2'],
  ]),
);
const ONE = LOG.subarray(0, LOG.length / 2);

describe('a log of one entry', () => {
  it('has 1 entry, and one of two has 2 entries', async () => {
    await using dir = await TempDir.make();
    const said = async (bytes: Uint8Array) => {
      const location = await locateLog(await dir.write('counted.log', bytes));
      const [report] = await collect(verifyLog(location));
      return [report === undefined ? '' : verifyLines(report), statsLines(await statsOf(location))].join(
        '\n',
      );
    };
    const one = await said(ONE);
    expect(one).toContain(': ok, 1 entry in 31 bytes, ');
    expect(one).toContain('counted.log: 1 entry, 31 B in one file');
    expect(one).toContain('  command  1 entry       31 B 100%');
    expect(one).not.toContain('1 entries');
    const two = await said(LOG);
    expect(two).toContain(': ok, 2 entries in 62 bytes, ');
    expect(two).toContain('  command  2 entries       62 B 100%');
  });

  it('and one byte behind it has 1 byte of damage', async () => {
    await using dir = await TempDir.make();
    const location = await locateLog(await dir.write('damaged.log', concatBytes([ONE, utf8('x')])));
    const rows = (await collect(inspectLog(location))).map(inspectLine).join('\n');
    expect(rows).toContain('(1 byte; a node ');
    const [report] = await collect(verifyLog(location));
    expect(report === undefined ? '' : verifyLines(report)).toContain(' at offset 31, 1 byte: ');
  });

  it('is compared as one of 1 entry', async () => {
    await using dir = await TempDir.make();
    const logOf = async (name: string, bytes: Uint8Array) =>
      ({ name, location: await locateLog(await dir.write(name, bytes)), writer: 'none' }) as const;
    const comparison = diffLogs([await logOf('short', ONE), await logOf('long', LOG)], {});
    let next = await comparison.next();
    while (next.done !== true) next = await comparison.next();
    const lines = diffSummaryLines(next.value);
    expect(lines).toContain('short: 1 entry, index 1 to 1');
    expect(lines).toContain('long: 2 entries, index 1 to 2');
  });
});

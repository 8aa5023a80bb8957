import { describe, expect, it } from 'vitest';
import { renderTable } from '../../src/cli/table.ts';

const COLUMNS = [{ title: 'node' }, { title: 'term', align: 'right' }, { title: 'address' }] as const;
const ROWS = [
  ['node1', '7', 'http://127.0.0.1:7600'],
  ['节点', '12', '-'],
];

const FRAMED = `
┌───────┬──────┬───────────────────────┐
│ node  │ term │ address               │
├───────┼──────┼───────────────────────┤
│ node1 │    7 │ http://127.0.0.1:7600 │
│ 节点  │   12 │ -                     │
└───────┴──────┴───────────────────────┘`.trim();

const FRAMELESS = `
node   term  address
node1     7  http://127.0.0.1:7600
节点     12  -`.trim();

describe('a table', () => {
  it('has a frame in a pipe, and on a terminal that is wide enough', () => {
    expect(renderTable(COLUMNS, ROWS, undefined)).toBe(FRAMED);
    expect(renderTable(COLUMNS, ROWS, 40)).toBe(FRAMED);
  });

  it('has none on a narrow terminal', () => {
    expect(renderTable(COLUMNS, ROWS, 39)).toBe(FRAMELESS);
  });
});

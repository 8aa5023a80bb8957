/**
 * Durable writes per second of a local cluster of three over HTTP: one write a request, each on the disks of a majority
 * before its answer. A new cluster for every row, whose leader gets all requests. Prints a table and asserts nothing.
 *
 *   npm run build && npx tsx bench/writes.ts [seconds]      CONNS="1 16 64 256"   DIR=where the data goes (a real disk)
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withCluster } from './cluster.ts';
import type { LoadResult } from './load.ts';

const LOAD = join(import.meta.dirname, 'load.ts');
const seconds = process.argv[2] ?? '5';
const connectionCounts = (process.env.CONNS ?? '1 16 64 256').split(' ');

console.log('connections   writes/s     p50 ms     p99 ms  errors');
for (const connections of connectionCounts) {
  await withCluster(3, async ({ leaderUrl }) => {
    const args = [...process.execArgv, LOAD, leaderUrl, connections, seconds];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const load: LoadResult = JSON.parse(stdout);
    const cells = [
      connections,
      (load.writes / load.seconds).toFixed(0),
      load.p50Ms.toFixed(2),
      load.p99Ms.toFixed(2),
    ];
    console.log(`${cells.map((cell) => cell.padStart(11)).join('')}${String(load.errors).padStart(8)}`);
  });
}

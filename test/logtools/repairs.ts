import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { logIndex } from '../../src/lib/brands.ts';
import { decodeState, encodeCommitHint } from '../../src/logfmt/records.ts';
import { type LogLocation, locateLog } from '../../src/logtools/locate.ts';
import { applyRepair } from '../../src/logtools/repair/apply.ts';
import { Donor } from '../../src/logtools/repair/donor.ts';
import { planRepair, type RepairPlan } from '../../src/logtools/repair/plan.ts';
import { planReport, repairedLocation } from '../../src/logtools/repair/report.ts';
import { surveyLog } from '../../src/logtools/repair/survey.ts';
import { dumpLog } from '../../src/logtools/rows.ts';
import { verifyLog } from '../../src/logtools/verify.ts';
import { NodeDisk } from '../../src/raft/storage/node-disk.ts';
import { openStorage } from '../../src/raft/storage/open-storage.ts';
import { STORAGE_OPTIONS } from '../storage/workload.ts';
import { collect, segmentName, type TempDir } from './temp-dir.ts';

export async function planFor(location: LogLocation, other?: LogLocation): Promise<RepairPlan> {
  await using donor = other === undefined ? undefined : await donorOf(other);
  return await planRepair(await surveyLog(location), donor);
}

export function donorOf(location: LogLocation): Promise<Donor> {
  return Donor.open({ name: 'other', location, writer: 'none' });
}

export async function apply(location: LogLocation, other?: LogLocation): Promise<RepairPlan> {
  const plan = await planFor(location, other);
  await using donor = other === undefined ? undefined : await donorOf(other);
  await applyRepair(plan, donor);
  return plan;
}

/** A plan in short. */
export function short(plan: RepairPlan): string {
  const { verdict, actions } = planReport(plan);
  if (verdict !== 'repairable') return verdict;
  return actions
    .map(({ type, from, to }) =>
      type === 'fill' ? `fill ${from}-${to}` : type === 'cut' ? `cut ${from}` : type,
    )
    .join(', ');
}

export async function isGood(location: LogLocation): Promise<boolean> {
  const reports = await collect(verifyLog(await repairedLocation(location)));
  return reports.every(({ ok }) => ok);
}

export async function commandsOf(location: LogLocation): Promise<readonly string[]> {
  const rows = await collect(dumpLog(await repairedLocation(location)));
  return rows.flatMap((row) => ('index' in row ? [`${row.index} ${row.term} ${row.command}`] : []));
}

/** A data directory that a node has made, with a log of the test's own in place of its. */
export class NodeDir {
  readonly path: string;
  readonly disk: NodeDisk;

  private constructor(path: string, disk: NodeDisk) {
    this.path = path;
    this.disk = disk;
  }

  static async make(
    dir: TempDir,
    segments: Readonly<Record<number, Uint8Array>>,
    hint = 0,
  ): Promise<NodeDir> {
    const path = join(dir.path, 'node');
    await mkdir(path);
    const node = new NodeDir(path, await NodeDisk.create(path));
    await node.start();
    for (const [first, bytes] of Object.entries(segments))
      await dir.write(`node/${segmentName(Number(first))}`, bytes);
    await dir.write('node/commit', encodeCommitHint(logIndex(hint)));
    return node;
  }

  locate(): Promise<LogLocation> {
    return locateLog(this.path);
  }

  /** The last index of the log on which a node starts, or undefined where it refuses. */
  async start(): Promise<number | undefined> {
    try {
      // With the limits of production, since they decide what a torn tail is.
      const { store, recovered } = await openStorage(this.disk, { ...STORAGE_OPTIONS, limits: {} });
      await store.close();
      return recovered.lastIndex;
    } catch (error) {
      expect(error).toMatchObject({ code: 'damaged' });
      return undefined;
    }
  }

  async abstainThrough(): Promise<number | undefined> {
    const decoded = decodeState(await readFile(join(this.path, 'state')));
    return decoded.type === 'value' ? decoded.value.abstainThrough : undefined;
  }
}

import { spawnSync } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCluster } from '../../src/cluster/cluster-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import type { Ended } from './runner.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** Root may do everything: then it is nobody who runs the commands. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** Runs the built `raft` as a user who may write nothing in directories that are not open to all. */
function asNobody(...args: readonly string[]): Pick<Ended, 'code' | 'stderr'> {
  const { status, stderr } = spawnSync(process.execPath, [RUN, ...args], {
    ...{ ...NOBODY, encoding: 'utf8', timeout: 60_000 },
    // A directory that there is, and that another user may be in.
    cwd: '/',
  });
  return { code: status, stderr };
}

/** A directory that everybody may look into, and nobody may write. */
async function lockedDirectory(name: string): Promise<string> {
  const parent = temporaryDirectory();
  await chmod(parent, 0o755);
  const path = join(parent, name);
  await mkdir(path);
  await chmod(path, 0o555);
  return path;
}

// A checkout may be in a directory that is closed to other users.
describe.skipIf(asNobody('--version').code !== 0)('what another user may not do', () => {
  it('ends with 77 where it is to start a cluster of somebody else', async () => {
    const dir = await lockedDirectory('raft-data');
    await chmod(dir, 0o755);
    await createCluster(dir, { machine: 'kv', ports: [17_601] });
    await chmod(dir, 0o555);
    for (const command of [['up', '--detach'], ['start'], ['add']]) {
      const { code, stderr } = asNobody('cluster', ...command, '--dir', dir);

      expect({ command, code }).toEqual({ command, code: 77 });
      expect(stderr).toContain(`Do it as the user that these files belong to: ls -ld `);
      expect(stderr).not.toContain('Start the node again');
    }
  });

  it('ends with 77 where it is to make a cluster or a node in a directory of somebody else', async () => {
    const dir = await lockedDirectory('theirs');
    for (const at of [dir, join(dir, 'new')]) {
      const { code, stderr } = asNobody('cluster', 'up', '-n', '1', '--base-port', '0', '--dir', at);

      expect({ at, code }).toEqual({ at, code: 77 });
      expect(stderr).toContain('Name a directory that this user may write: --dir DIR');
      const node = asNobody('node', 'run', '--id', '1', '--data-dir', at, '--listen', '127.0.0.1:17601');
      expect({ at, code: node.code }).toEqual({ at, code: 77 });
    }
  });
});

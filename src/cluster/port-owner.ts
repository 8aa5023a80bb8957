import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTEN_STATE = '0A';

/**
 * The pid of the process that listens on a TCP port, where the machine tells: from /proc on Linux, and there only for
 * processes that this user may look into. Undefined otherwise; it is a help in a message, nothing relies on it.
 */
export async function portOwner(port: number): Promise<number | undefined> {
  const inodes = new Set(await listeningInodes(port));
  if (inodes.size === 0) return undefined;
  for (const name of await namesIn('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const descriptor of await namesIn(`/proc/${name}/fd`)) {
      const target = await readlink(`/proc/${name}/fd/${descriptor}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(name);
    }
  }
  return undefined;
}

/** The kernel's table has one line a socket: number, local address:port (in hex), remote, state, ..., inode (tenth). */
async function listeningInodes(port: number): Promise<readonly string[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')),
  );
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [local, state, inode] = [fields[1], fields[3], fields[9]];
      const matches = local?.endsWith(`:${wanted}`) && state === LISTEN_STATE;
      return matches && inode !== undefined ? [inode] : [];
    }),
  );
}

function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}

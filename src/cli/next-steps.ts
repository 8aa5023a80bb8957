import type { Cluster } from '../cluster/cluster-format.ts';
import type { Attachment } from '../cluster/launch.ts';
import { dirFlag } from '../cluster/names.ts';
import { logName } from './cluster-rows.ts';

/** What to type once a cluster is ready. */
export function nextSteps(cluster: Cluster, attachment: Attachment): string {
  const flag = dirFlag(cluster.dir);
  const first = cluster.nodes[0]?.name ?? 'node1';
  const commands = [
    `raft command 'put greeting hello'${flag}`,
    ...(cluster.machine === 'kv' ? [`raft kv get greeting${flag}`] : []),
    `raft status${flag}`,
    `raft log inspect ${logName(first)}${flag}`,
    ...(attachment === 'detached' ? [`raft cluster down${flag}`] : []),
  ];
  const lines = commands.map((command) => `  ${command}`);
  if (attachment === 'detached') return ['The nodes go on by themselves. Next:', ...lines].join('\n');
  return ['Next, in another terminal:', ...lines, 'Ctrl-C stops all nodes and keeps their data.', ''].join(
    '\n',
  );
}

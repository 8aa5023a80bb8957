import * as Args from '@oclif/core/args';
import { createClient } from '../../api/client.ts';
import type { Leader } from '../../api/client-types.ts';
import type { NodeStatus } from '../../api/schema.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import {
  type ClusterView,
  nameIn,
  requireKnown,
  requireLeader,
  viewCluster,
} from '../../cli/cluster-view.ts';
import { findCluster } from '../../cli/find-cluster.ts';
import { serverFlags, timeoutFlags } from '../../cli/flags.ts';
import { prose } from '../../cli/prose.ts';
import { linesFor } from '../../cli/terminal.ts';
import { usage } from '../../cli/values.ts';
import { nodeId } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import { CLIENT_TIMEOUT_MS } from '../../lib/limits.ts';

/** Hands leadership over. */
export class LeaderTransfer extends BaseCommand {
  static override summary = 'Hand leadership over to another voter, and say who leads then.';

  static override description =
    prose`To the voter whose log is the most complete, unless one is named. What clients ask for meanwhile waits,
and nothing is lost. Where the other node does not take over within an election timeout, the leader leads on and the exit
code is 69. With --json: {"id","name","url","term"}.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> node3',
  ];

  static override args = {
    node: Args.string({
      description: 'Who is to lead: a voter by its name, its id or its address.',
      ignoreStdin: true,
    }),
  };

  static override flags = { ...serverFlags, ...timeoutFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(LeaderTransfer);
    const timeoutMs = flags.timeout ?? CLIENT_TIMEOUT_MS;
    const view = await viewCluster(await findCluster(flags), timeoutMs);
    const leader = requireLeader(view);
    const target = args.node === undefined ? null : nodeId(requireKnown(view, args.node).id);
    const part = leader.members.find(({ id }) => id === target)?.part;
    if (target !== null && (part === undefined || part === 'learner')) {
      throw usage(`${nameIn(view, target)} does not vote, so it cannot lead.`, [
        'raft config get   # names the voters',
        ...(part === 'learner' ? [`raft config promote ${nameIn(view, target)}   # gives it a vote`] : []),
      ]);
    }
    if (target !== null) requireAlive(view, leader, target);
    const servers = view.answers.filter(({ status }) => status !== undefined).map(({ url }) => url);
    const client = createClient({ servers, timeoutMs });
    try {
      await client.transferLeadership(target);
      this.#show(await client.leader());
    } finally {
      client.close();
    }
  }

  #show({ id, name, url, term }: Leader): void {
    this.printResult({ id, name, url, term }, () =>
      linesFor(`${name} (${id}) leads in term ${term} at ${url}`),
    );
  }
}

/** Throws `unreachable` for a node that neither the leader hears from nor this command: it would be waited for in vain. */
function requireAlive(view: ClusterView, leader: NodeStatus, id: string): void {
  const isSilent = leader.members.some((member) => member.id === id && member.isHeard === false);
  const answers = view.answers.some(({ status }) => status?.id === id);
  if (!isSilent || answers) return;
  const name = nameIn(view, id);
  throw new RaftError(
    'unreachable',
    `The leader does not hear from ${name}, so ${name} cannot take over. Nothing was changed.`,
    { suggestions: [`Start it: raft cluster start ${name}`, 'See which nodes answer: raft status'] },
  );
}

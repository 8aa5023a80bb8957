import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { type Membership, membershipOf, withMember } from '../../api/membership-plan.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Plan } from '../../cli/change-members.ts';
import { nameIn } from '../../cli/cluster-view.ts';
import { changeFlags, runConfigChange } from '../../cli/config-change.ts';
import { resolveAddress } from '../../cli/membership-arguments.ts';
import { namesFrom } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';
import { usage } from '../../cli/values.ts';
import type { PeerAddress } from '../../raft/ports.ts';

/** Adds members. */
export class ConfigAdd extends BaseCommand {
  static override summary = 'Add members to a cluster.';

  static override description =
    prose`The node runs already: raft node run --join URL --standby starts one that waits for this. A new voter gets the
log first, as a learner, and votes once it has caught up; one that does not catch up is taken back, and the voters are
what they were. A node that is a member already in the part that is asked for is left as it is. raft cluster add makes
and starts a node of a local cluster as well. With --json and --dry-run as raft config set.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:7605',
    '<%= config.bin %> <%= command.id %> http://127.0.0.1:7605 http://127.0.0.1:7606 --dry-run',
    '<%= config.bin %> <%= command.id %> 6=http://127.0.0.1:7605 --learner',
  ];

  static override strict = false;

  static override args = {
    member: Args.string({
      description:
        'A node: a URL, whose node is asked for its id, or NODE=URL with its name or id. Several may follow.',
      required: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    learner: Flags.boolean({ description: 'The nodes get the log, and do not vote.' }),
    ...changeFlags,
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ConfigAdd);
    const part = flags.learner ? 'learner' : 'voter';
    const plan: Plan = async (view, leader) => {
      let membership = membershipOf(leader);
      for (const text of namesFrom(argv)) {
        const member = await resolveAddress(view, text);
        if (part === 'learner') refuseVoter(membership, member, nameIn(view, member.id));
        membership = withMember(membership, member, part);
      }
      return membership;
    };
    const exitCode = await runConfigChange(this.changeUi(), flags, { plan, isRelative: true });
    if (exitCode !== 0) this.exit(exitCode);
  }
}

/** Whoever adds a node does not mean to take a vote away. */
function refuseVoter({ voters }: Membership, { id }: PeerAddress, name: string): void {
  if (!voters.some((voter) => voter.id === id)) return;
  throw usage(`${name} votes already, and --learner would take its vote.`, [
    'To have it so, name all members: raft config set NODE NODE --learner NODE',
  ]);
}

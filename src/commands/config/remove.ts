import { membershipOf, withoutMember } from '../../api/membership-plan.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Plan } from '../../cli/change-members.ts';
import { requireKnown } from '../../cli/cluster-view.ts';
import { changeFlags, runConfigChange } from '../../cli/config-change.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';
import { nodeId } from '../../lib/brands.ts';

/** Removes members. */
export class ConfigRemove extends BaseCommand {
  static override summary = 'Remove members from a cluster.';

  static override description =
    prose`A node that is removed learns of it and stops by itself, with exit code 0; its data stays where it is.
A leader that is removed leads until its successors are agreed on, then hands over. A member that is down can be removed
as well. With --json and --dry-run as raft config set.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node3',
    '<%= config.bin %> <%= command.id %> node3 node4 --dry-run',
  ];

  static override strict = false;

  static override args = someNodes;

  static override flags = { ...changeFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ConfigRemove);
    const plan: Plan = async (view, leader) =>
      namesFrom(argv)
        .map((text) => nodeId(requireKnown(view, text).id))
        .reduce(withoutMember, membershipOf(leader));
    const exitCode = await runConfigChange(this.changeUi(), flags, { plan, isRelative: true });
    if (exitCode !== 0) this.exit(exitCode);
  }
}

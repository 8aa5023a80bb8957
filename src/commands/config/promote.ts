import { membershipOf, withPromoted } from '../../api/membership-plan.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Plan } from '../../cli/change-members.ts';
import { requireKnown } from '../../cli/cluster-view.ts';
import { changeFlags, runConfigChange } from '../../cli/config-change.ts';
import { namesFrom, someNodes } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';
import { nodeId } from '../../lib/brands.ts';

/** Makes voters of learners. */
export class ConfigPromote extends BaseCommand {
  static override summary = 'Give learners a vote.';

  static override description =
    prose`It votes once it has caught up. One that votes already goes on voting. With --json and --dry-run as raft config set.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node6',
    '<%= config.bin %> <%= command.id %> node6 --dry-run',
  ];

  static override strict = false;

  static override args = someNodes;

  static override flags = { ...changeFlags };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ConfigPromote);
    const plan: Plan = async (view, leader) =>
      namesFrom(argv)
        .map((text) => nodeId(requireKnown(view, text).id))
        .reduce(withPromoted, membershipOf(leader));
    const exitCode = await runConfigChange(this.changeUi(), flags, { plan, isRelative: true });
    if (exitCode !== 0) this.exit(exitCode);
  }
}

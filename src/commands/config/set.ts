import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Plan } from '../../cli/change-members.ts';
import type { ClusterView } from '../../cli/cluster-view.ts';
import { changeFlags, runConfigChange } from '../../cli/config-change.ts';
import { resolveAddress } from '../../cli/membership-arguments.ts';
import { namesFrom } from '../../cli/node-arguments.ts';
import { prose } from '../../cli/prose.ts';

/** Makes the members what is given. */
export class ConfigSet extends BaseCommand {
  static override summary = 'Give a cluster its members, all of them at once.';

  static override description =
    prose`The whole new configuration: whoever is not named is no member afterwards, and stops. The members
may be wholly others than before. A new voter gets the log first, as a learner; then the old majority and the new one
decide together, then the new one alone. The cluster serves meanwhile. A change that fails leaves the voters as they
were, and says why. Any node takes the command; it returns once the new configuration is committed. With --json:
{"index","changed","voters","learners"}; with --dry-run {"index","phases","learners","refusal"}, and the exit code
that the change would have.`;

  static override examples = [
    '<%= config.bin %> <%= command.id %> node1 node2 http://127.0.0.1:7605',
    '<%= config.bin %> <%= command.id %> 1=http://127.0.0.1:7600 2=http://127.0.0.1:7601 3=http://127.0.0.1:7602',
    '<%= config.bin %> <%= command.id %> node1 node2 node4=http://127.0.0.1:7603 --dry-run',
    '<%= config.bin %> <%= command.id %> node1 node2 node3 --learner http://127.0.0.1:7604',
  ];

  static override strict = false;

  static override args = {
    member: Args.string({
      description:
        'A voter: NODE=URL, a URL whose node is asked for its id, or a NODE that is known. NODE is a name or an id. Several may follow.',
      required: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    learner: Flags.string({
      description: 'A member that gets the log and does not vote, in the form of a voter. May be repeated.',
      helpValue: 'MEMBER',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...changeFlags,
  };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ConfigSet);
    const resolveAll = async (view: ClusterView, texts: readonly string[]) =>
      Promise.all(texts.map((text) => resolveAddress(view, text)));
    const plan: Plan = async (view) => ({
      voters: await resolveAll(view, namesFrom(argv)),
      learners: await resolveAll(view, flags.learner ?? []),
    });
    const exitCode = await runConfigChange(this.changeUi(), flags, { plan, isRelative: false });
    if (exitCode !== 0) this.exit(exitCode);
  }
}

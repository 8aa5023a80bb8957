import * as Args from '@oclif/core/args';

const NODE_DESCRIPTION = 'A node by its name, its id or its address.';

/** One or more nodes; commands that take them are not `strict`, so that any number may follow. */
export const someNodes = {
  node: Args.string({
    description: `${NODE_DESCRIPTION} Several may follow.`,
    required: true,
    ignoreStdin: true,
  }),
};

/** Any number of nodes; none means all. */
export const anyNodes = {
  node: Args.string({
    description: `${NODE_DESCRIPTION} Several may follow; none means all.`,
    ignoreStdin: true,
  }),
};

/** The nodes that were named, from what oclif leaves of a command line that is not `strict`. */
export function namesFrom(argv: readonly unknown[]): readonly string[] {
  return argv.filter((each) => typeof each === 'string');
}

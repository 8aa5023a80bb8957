import { createClient } from '../api/client.ts';
import type { RaftClient } from '../api/client-types.ts';
import { membershipOf, membershipRequest, withMember } from '../api/membership-plan.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import type { Logger, PeerAddress } from '../raft/ports.ts';

/** How long to wait before a cluster whose members are being changed is asked again, in milliseconds. */
const RETRY_MS = 500;

/** How a node is to become a member. */
export interface JoinOptions {
  /** Addresses of members. */
  readonly servers: readonly string[];
  /** `none`: the node only waits until somebody makes it a member. */
  readonly part: 'voter' | 'learner' | 'none';
}

/** What joining needs of its node. */
export interface JoinContext {
  readonly logger: Logger;
  /** Whether the node has never been a member. Another one that is none was removed, and is left to learn of it. */
  readonly isNew: boolean;
  /** Whether the node has stopped. */
  isOver(): boolean;
}

/** The id of the cluster that answers at one of the addresses. Errors: `unreachable`, `unsupported`. */
export async function findClusterId({ servers }: JoinOptions): Promise<string> {
  const client = createClient({ servers });
  try {
    const reports = await client.statusAll();
    for (const report of reports) if (report.type === 'status') return report.status.clusterId;
    const [first] = reports;
    throw first !== undefined && first.type !== 'status'
      ? first.error
      : new RaftError('unreachable', 'None of the servers in --join answers.');
  } finally {
    client.close();
  }
}

/**
 * Has the cluster make a node a member, unless it is one already: as a learner first, and as a voter once it has caught
 * up. Goes on while another change is under way or nobody leads, until it is over for the node. Errors: those of `RaftService.changeConfiguration`.
 */
export async function joinCluster(
  { servers, part }: JoinOptions,
  self: PeerAddress,
  context: JoinContext,
): Promise<void> {
  if (part === 'none') {
    context.logger.info(`waiting to be made a member: raft config add ${self.url ?? self.id}`);
    return;
  }
  const client = createClient({ servers });
  try {
    for (;;) {
      try {
        await joinOnce(client, part, self, context);
        return;
      } catch (error) {
        if (!isPassing(error) || context.isOver()) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } finally {
    client.close();
  }
}

async function joinOnce(
  client: RaftClient,
  part: 'voter' | 'learner',
  self: PeerAddress,
  { logger, isNew }: JoinContext,
): Promise<void> {
  const { url } = await client.leader();
  const status = await client.status(url);
  const known = status.members.find(({ id }) => id === self.id);
  if (known?.part === part || (known === undefined && !isNew)) return;
  const wanted = withMember(membershipOf(status), self, part);
  logger.info(`asking ${url} to make this node a ${part}`);
  const { index } = await client.changeConfiguration(membershipRequest(status, wanted, false));
  logger.info(`this node is a ${part} by the configuration at index ${index}`);
}

/** With these nobody has refused the node: another change is under way, or the leader went while it was asked. */
const PASSING: ReadonlySet<RaftErrorCode> = new Set([
  'change-in-progress',
  'answered-no',
  'outcome-unknown',
  'no-leader',
  'not-leader',
  'stopping',
]);

/** Whether the request is to be made anew, from the members as they are then. */
function isPassing(error: unknown): boolean {
  return error instanceof RaftError && PASSING.has(error.code);
}

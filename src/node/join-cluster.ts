import { createClient } from '../api/client.ts';
import type { RaftClient } from '../api/client-types.ts';
import { membershipOf, membershipRequest, withMember } from '../api/membership-plan.ts';
import { RaftError, type RaftErrorCode } from '../lib/errors.ts';
import type { Logger, MembershipRequest, MembershipResult, PeerAddress } from '../raft/ports.ts';

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
  /** Whether the node has been a member, as far as it knows by now. */
  hasBeenMember(): boolean;
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
 * up. Goes on while another change is under way, nobody leads or nobody answers, until it is over for the node. One that was a member and
 * is none any more was removed, and does not ask again. Errors: those of `RaftService.changeConfiguration`, and `removed`.
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
  const application = new Application(client, part, self, context);
  try {
    const step = await untilDecided(application, context);
    if (step === 'left-out') application.endLeftOut();
  } finally {
    client.close();
  }
}

async function untilDecided(application: Application, context: JoinContext): Promise<Step> {
  let isTold = false;
  for (;;) {
    try {
      return await application.makeOnce();
    } catch (error) {
      if (!isPassing(error) || context.isOver()) throw error;
      if (error.code === 'unreachable' && !isTold) {
        context.logger.warn(`${error.message} This node goes on asking to be made a member.`);
        isTold = true;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      // It may have learnt of its removal meanwhile, and stopped.
      if (context.isOver()) throw error;
    }
  }
}

/** What came of a request. `left-out`: the node is no member, and may have been one; whoever removed it meant it. */
type Step = 'done' | 'left-out';

/** A node's request to be made a member, made again and again, and what is known of the earlier ones. */
class Application {
  readonly #client: RaftClient;
  readonly #part: 'voter' | 'learner';
  readonly #self: PeerAddress;
  readonly #context: JoinContext;
  /** The index of the configuration from which it was made once without hearing what came of it. */
  #inDoubtSince: number | undefined;
  /** Whether a committed configuration had the node, as a leader told. */
  #wasSeen = false;
  /** The index of the configuration that the leader had last. */
  #latest = 0;

  constructor(client: RaftClient, part: 'voter' | 'learner', self: PeerAddress, context: JoinContext) {
    this.#client = client;
    this.#part = part;
    this.#self = self;
    this.#context = context;
  }

  async makeOnce(): Promise<Step> {
    const { logger } = this.#context;
    const { url } = await this.#client.leader();
    const status = await this.#client.status(url);
    const known = status.members.find(({ id }) => id === this.#self.id);
    if (known?.part === this.#part) return 'done';
    const wanted = withMember(membershipOf(status), this.#self, this.#part);
    // No change is under way, so that this configuration is committed.
    this.#latest = status.configuration.index;
    if (known !== undefined) this.#wasSeen = true;
    else if (this.#mayHaveBeenRemoved()) return 'left-out';
    logger.info(`asking ${url} to make this node a ${this.#part}`);
    const { index } = await this.#ask(membershipRequest(status, wanted, false));
    logger.info(`this node is a ${this.#part} by the configuration at index ${index}`);
    return 'done';
  }

  /** A node that knows that it was a member is left to learn of its removal. One without any data never would. */
  endLeftOut(): void {
    if (this.#context.hasBeenMember()) return;
    if (this.#wasSeen) {
      throw new RaftError(
        'removed',
        `This node was removed from the cluster: by the configuration at index ${this.#latest} it is no member any more.`,
      );
    }
    throw new RaftError(
      'outcome-unknown',
      `Nobody said whether this node was made a member. The members have changed since, and by the configuration at index ${this.#latest} it is none: it may have been removed, and does not ask again.`,
      {
        suggestions: [
          'raft config get   # names the members',
          'To have it join all the same, start it again.',
        ],
      },
    );
  }

  /**
   * Where nobody said what became of an earlier request, it came to nothing for certain only as long as the configuration
   * is still the one that it was made from.
   */
  #mayHaveBeenRemoved(): boolean {
    if (this.#wasSeen) return true;
    return this.#inDoubtSince === undefined
      ? this.#context.hasBeenMember()
      : this.#inDoubtSince !== this.#latest;
  }

  async #ask(request: MembershipRequest): Promise<MembershipResult> {
    try {
      return await this.#client.changeConfiguration(request);
    } catch (error) {
      if (error instanceof RaftError && error.code === 'outcome-unknown') this.#inDoubtSince ??= this.#latest;
      throw error;
    }
  }
}

/**
 * With these nobody has refused the node: another change is under way, or the leader went while it was asked. Where nobody
 * answers, a whole cluster may be starting; that the address is right, a node with a blank directory has seen before.
 */
const PASSING: ReadonlySet<RaftErrorCode> = new Set([
  'change-in-progress',
  'answered-no',
  'outcome-unknown',
  'no-leader',
  'not-leader',
  'stopping',
  'unreachable',
]);

/** Whether the request is to be made anew, from the members as they are then. */
function isPassing(error: unknown): error is RaftError {
  return error instanceof RaftError && PASSING.has(error.code);
}

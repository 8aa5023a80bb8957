import type { NodeId } from '../../lib/brands.ts';
import type { Configuration } from '../../lib/configuration.ts';
import {
  APPEND_BYTES_MAX,
  APPEND_ENTRIES_MAX,
  LOG_WINDOW_BYTES_MAX,
  PEER_TIMEOUT_MS,
  PENDING_PROPOSAL_BYTES_MAX,
  PENDING_PROPOSALS_MAX,
  PENDING_READS_MAX,
  TERM_JUMP_MAX,
} from '../../lib/limits.ts';
import type { CoreLimits, CoreOptions } from '../core/state.ts';
import type { Timing } from '../timing.ts';

/** Until a transport with streams takes its place, requests with entries go one at a time to each peer. */
const APPENDS_IN_FLIGHT_MAX = 1;

const REQUEST_ID_RANGES = 2 ** 20;
const REQUEST_IDS_PER_RANGE = 2 ** 32;

const LIMITS: CoreLimits = {
  appendBytesMax: APPEND_BYTES_MAX,
  appendEntriesMax: APPEND_ENTRIES_MAX,
  windowBytesMax: LOG_WINDOW_BYTES_MAX,
  pendingProposalsMax: PENDING_PROPOSALS_MAX,
  pendingProposalBytesMax: PENDING_PROPOSAL_BYTES_MAX,
  pendingReadsMax: PENDING_READS_MAX,
  termJumpMax: TERM_JUMP_MAX,
};

/** The options of a core within the limits of `lib/limits.ts`. */
export function coreOptions(node: {
  readonly id: NodeId;
  readonly incarnation: string;
  readonly configuration: Configuration;
  readonly timing: Timing;
  readonly seed: number;
}): CoreOptions {
  return {
    id: node.id,
    incarnation: node.incarnation,
    configuration: node.configuration,
    seed: node.seed,
    ...node.timing,
    requestTimeoutMs: PEER_TIMEOUT_MS,
    appendsInFlightMax: APPENDS_IN_FLIGHT_MAX,
    firstRequestId: firstRequestId(node.seed),
    limits: LIMITS,
  };
}

/** A range of request ids for each run of the server, so that no answer to an earlier run is taken for its own. */
function firstRequestId(seed: number): number {
  return 1 + (seed % REQUEST_ID_RANGES) * REQUEST_IDS_PER_RANGE;
}

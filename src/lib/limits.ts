/**
 * Every limit in one place, each with the error that a user sees when it is reached. Units stand last in the names.
 */

/** A command is at most this long: `too-large`. */
export const COMMAND_BYTES_MAX = 1024 * 1024;

/** SIZE of a frame is at most this: a command at its limit, wrapped. A larger SIZE is damage (`oversized`). */
export const FRAME_COMMAND_BYTES_MAX = 2 * COMMAND_BYTES_MAX;

/** One AppendEntries between our own nodes carries at most this much of commands (at least one entry). */
export const APPEND_BYTES_MAX = 1024 * 1024;

/** One AppendEntries carries at most this many entries. */
export const APPEND_ENTRIES_MAX = 4096;

/** One write to the log, and so one unsynced batch, is at most this long. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A segment of the log is at most this long. */
export const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;

/** The open segment is filled ahead with zeros by this much at a time. */
export const SEGMENT_FILL_BYTES = 1024 * 1024;

/** The core keeps at least the entries that are not yet durable, and of the others at most this much of commands. */
export const LOG_WINDOW_BYTES_MAX = 8 * 1024 * 1024;

/** Proposals that wait for a decision on one node: `too-many`. */
export const PENDING_PROPOSALS_MAX = 10_000;

/** Bytes of commands that wait for a decision on one node: `too-many`. */
export const PENDING_PROPOSAL_BYTES_MAX = 64 * 1024 * 1024;

/** Linearizable reads that wait on one node: `too-many`. */
export const PENDING_READS_MAX = 10_000;

/** Body of a peer's AppendEntries. The original sends its whole log after prevLogIndex in one request: `too-large`. */
export const PEER_BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Body of every other request that is no command: `too-large`. */
export const SMALL_BODY_BYTES_MAX = 64 * 1024;

/** An index above this is refused: nothing from outside may exhaust the numbers. */
export const INDEX_MAX = 2 ** 52;

/** A term more than this above our own is refused. */
export const TERM_JUMP_MAX = 2 ** 32;

/** Members of one configuration. */
export const MEMBERS_MAX = 99;

/** Requests under way to one peer. */
export const PEER_REQUESTS_MAX = 8;

/** Connections to one node's HTTP server. */
export const CONNECTIONS_MAX = 2_000;

/** The time a client's request may wait for a decision before its outcome is reported as unknown, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** A peer's answer is waited for this long, in milliseconds. */
export const PEER_TIMEOUT_MS = 1_000;

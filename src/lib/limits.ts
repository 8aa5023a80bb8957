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

/**
 * Body of an AppendEntries that one of our own nodes sends: `APPEND_BYTES_MAX` of commands, or one command at its limit,
 * in base64 with room for the rest: `too-large`.
 */
export const OWN_PEER_BODY_BYTES_MAX = 4 * 1024 * 1024;

/** Bodies of all requests that one node reads or answers at a time: `too-many`. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024;

/** Body of every other request that is no command: `too-large`. */
export const SMALL_BODY_BYTES_MAX = 64 * 1024;

/** An index above this is refused: nothing from outside may exhaust the numbers. */
export const INDEX_MAX = 2 ** 52;

/** A term more than this above our own is refused. */
export const TERM_JUMP_MAX = 2 ** 32;

/** Members of one configuration. */
export const MEMBERS_MAX = 99;

/** The address of a member is at most this long. */
export const MEMBER_URL_BYTES_MAX = 256;

/** Requests under way to one peer. */
export const PEER_REQUESTS_MAX = 8;

/** Connections to one node's HTTP server; fewer where the process may not open as many files. */
export const CONNECTIONS_MAX = 2_000;

/** Descriptors that connections to the HTTP server leave to the log, to connections to others and to Node itself. */
export const DESCRIPTORS_RESERVED = 128;

/** The time a client's request may wait for a decision before its outcome is reported as unknown, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** A client that is not told otherwise waits for a change of members this long, in milliseconds. */
export const CHANGE_TIMEOUT_MS = 60_000;

/** A node waits for the end of a change of members this long, or until its client goes away, in milliseconds. */
export const CHANGE_WAIT_MS_MAX = 3_600_000;

/** A peer's answer is waited for this long, in milliseconds. */
export const PEER_TIMEOUT_MS = 1_000;

/** A scan of a log file asks for this much at a time, and for at most a frame at its limit more. */
export const SCAN_CHUNK_BYTES = 1024 * 1024;

/** A log from this length on is gone through by threads, in bytes: below it they take longer to start than they save. */
export const SCAN_THREADS_BYTES_MIN = 128 * 1024 * 1024;

/** Threads that go through one log, and so how much memory they take. */
export const SCAN_THREADS_MAX = 4;

/** A thread goes through so much of a file at a time. */
export const SCAN_BLOCK_BYTES = 8 * 1024 * 1024;

/** Statistics of a log list at most this many terms; how many more there were, they say. */
export const STATS_TERMS_MAX = 10_000;

/** Statistics of a log keep at most this many key prefixes apart; the rest is counted together. */
export const STATS_GROUPS_MAX = 10_000;

/** Statistics of a log name this many of the largest entries. */
export const STATS_LARGEST_MAX = 10;

/** A comparison of logs lists at most this many ranges of entries; how many more there were, it says. */
export const DIFF_RANGES_MAX = 1_000;

/**
 * A comparison of logs knows the terms of entries that it has passed back to this many changes of the term; an entry that
 * comes again from before that is taken for one of another history.
 */
export const TERM_RUNS_MAX = 10_000;

/** A row group of a Parquet file has at most this many rows: one group is in memory at a time. */
export const EXPORT_GROUP_ROWS_MAX = 8_192;

/** And it is full when its commands together have this many bytes. */
export const EXPORT_GROUP_BYTES_MAX = 1024 * 1024;

/** A log of more parts than this, good and damaged ones together, is not repaired. */
export const REPAIR_STEPS_MAX = 10_000;

/** A condition over entries or a state has at most this many parts: `usage`. */
export const EXPRESSION_NODES_MAX = 2_000;

/** And they are nested at most this deep. */
export const EXPRESSION_DEPTH_MAX = 100;

/** A scan keeps this many problems; how many more there were, it says. */
export const PROBLEMS_KEPT_MAX = 1_000;

/** The inspector keeps words for this many damages of a log; of those beyond it says the kind alone. */
export const DAMAGES_DESCRIBED_MAX = 10_000;

/** The inspector shows this much of a damaged range, and decodes an entry in a list from this much of its frame. */
export const EXCERPT_BYTES_MAX = 256 * 1024;

/** The inspector shows this much of an entry as text; as hexadecimal digits it shows all of it. */
export const DETAIL_TEXT_CHARACTERS_MAX = 65_536;

/** The inspector shows no key-value state that takes more memory than this, as far as can be reckoned: `too-large`. */
export const STATE_BYTES_MAX = 256 * 1024 * 1024;

/** The inspector goes back by as many changes of a state at once; for one before them it applies the log anew. */
export const STATE_CHANGES_KEPT_MAX = 65_536;

/** And by changes of as many bytes. */
export const STATE_CHANGES_BYTES_MAX = 32 * 1024 * 1024;

/** The inspector lists this many keys of a state. */
export const STATE_ITEMS_SHOWN_MAX = 1_000;

/** The inspector shows this much of a key and of a value of a state: a line of the widest terminal. */
export const STATE_TEXT_CHARACTERS_MAX = 400;

/** A search in the inspector looks at this much of an entry's text. */
export const SEARCH_TEXT_CHARACTERS_MAX = 65_536;

/** A regular expression that takes longer for half a megabyte of the log ends the search, in milliseconds. */
export const SEARCH_STEP_MS_MAX = 1_000;

/** A client sends the headers of its request within this time, or is answered 408, in milliseconds. */
export const HEADERS_TIMEOUT_MS = 10_000;

/**
 * A client sends its whole request within this time, or is answered 408; one that takes nothing of its answer for as
 * long is cut off. In milliseconds.
 */
export const BODY_TIMEOUT_MS = 30_000;

/** A connection to a server is kept open without a request for this long, in milliseconds. */
export const IDLE_CONNECTION_TIMEOUT_MS = 60_000;

/** What is left of a body that was refused is read and dropped for this long, then the connection ends, in milliseconds. */
export const REFUSED_BODY_TIMEOUT_MS = 2_000;

/** A response of a peer is at most this long; the protocol's own are far below. A longer one is a lost message. */
export const PEER_RESPONSE_BYTES_MAX = 4 * 1024;

/** A response that a client, or a follower that forwards for one, takes is at most this long: `too-large`. */
export const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;

/** A client that is not told otherwise waits for a cluster this long before it gives up, in milliseconds. */
export const CLIENT_TIMEOUT_MS = 5_000;

/** A key of the key-value machine is at most this long in UTF-8. */
export const KEY_BYTES_MAX = 4 * 1024;

/** One list of the key-value machine holds at most this many items. */
export const LIST_ITEMS_MAX = 1_000;

/** One list of the key-value machine holds at most this much of keys and values (at least one item). */
export const LIST_BYTES_MAX = 1024 * 1024;

/** The key-value machine keeps at most this many of its last changes for those who watch: `compacted`. */
export const HISTORY_CHANGES_MAX = 65_536;

/** The key-value machine keeps at most this much of its last changes, as `HISTORY_CHANGES_MAX` says. */
export const HISTORY_BYTES_MAX = 32 * 1024 * 1024;

/** A page of a history holds at most this much of keys and values (at least one change). */
export const HISTORY_PAGE_BYTES_MAX = 256 * 1024;

/** A page of a history looks at no more than this many changes, so that nothing else waits long. */
export const HISTORY_PAGE_CHANGES_MAX = 4_096;

/** Watches that are open on one node: `too-many`. */
export const WATCHES_MAX = 256;

/** A watch with nothing to tell says after this time that it lives, and how far its node has come, in milliseconds. */
export const WATCH_HEARTBEAT_MS = 1_000;

/** A client leaves a node whose watch has said nothing for this long, in milliseconds. */
export const WATCH_SILENCE_MS = 3_000;

/** A client leaves a node that knows of no leader, or is behind, for this long, in milliseconds. */
export const WATCH_STALE_MS = 2_000;

/** Connections over which one node forwards its clients' requests to the leader; further requests wait. */
export const FORWARD_CONNECTIONS_MAX = 64;

/** Connections of one client to one server; further requests wait. */
export const CLIENT_CONNECTIONS_MAX = 256;

/** Sessions of clients that a cluster keeps; a new one is then refused (`too-many`) unless another is idle. */
export const SESSIONS_MAX = 10_000;

/**
 * A session is opened by a command that names a log time of at most this long ago (`session-expired`). One that was
 * idle for longer may be dropped for a new one, since no late copy of its first command can open it again. In
 * milliseconds of log time.
 */
export const SESSION_OPEN_WINDOW_MS = 2 * 60_000;

/** A session that was idle for longer is dropped: `session-expired`. In milliseconds of log time. */
export const SESSION_EXPIRY_MS = 60 * 60_000;

/**
 * One command moves the log time by at most this much, in milliseconds: what a client has read of it is still new when
 * its command is the first after a long silence.
 */
export const LOG_TIME_STEP_MS_MAX = 10_000;

/** A log time above this is refused: nothing from outside may exhaust the numbers. In milliseconds. */
export const LOG_TIME_MS_MAX = 2 ** 52;

/** Commands of one session that may be under way, so answers that are kept for it: `too-many`. */
export const SESSION_COMMANDS_MAX = 256;

/** Bytes of answers that are kept for one session. What is beyond is dropped, the oldest first: `session-expired`. */
export const SESSION_ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** Bytes of answers that are kept for all sessions. What is beyond is dropped, the oldest first: `session-expired`. */
export const SESSIONS_ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** The first try of a command in a session is waited for this long, each further one twice as long as the one before. */
export const SESSION_TRY_TIMEOUT_MS = 1_500;

/** The paths of a node: the original's first, then our own. */
export const PATHS = {
  id: '/raft/id',
  requestVote: '/raft/requestvote',
  appendEntries: '/raft/appendentries',
  command: '/raft/command',
  setConfiguration: '/raft/setconfiguration',
  preVote: '/raft/prevote',
  /**
   * A command in a session. The original, and whatever else does not know sessions, has no such path: on its own it
   * would pass over the headers and apply the command as often as it comes.
   */
  sessionCommand: '/raft/sessioncommand',
  timeoutNow: '/raft/timeoutnow',
  configuration: '/raft/configuration',
  transfer: '/raft/transfer',
  query: '/raft/query',
  watch: '/raft/watch',
  status: '/raft/status',
  live: '/livez',
  ready: '/readyz',
} as const;

/** Headers between our nodes, and from them to users. The original sends none of them, and ignores them. */
export const HEADERS = {
  /** Index and term of the entry that a command became, in the answer to `POST /raft/command`. */
  index: 'raft-index',
  term: 'raft-term',
  /** Where a command stands in its client's session: session, sequence, acknowledgedBelow, openedAtMs. */
  session: 'raft-session',
  sequence: 'raft-sequence',
  acknowledged: 'raft-acknowledged',
  sessionOpened: 'raft-session-opened',
  /** Set on a request that a follower forwarded: it is not forwarded again. */
  forwarded: 'raft-forwarded',
  /** The sender's cluster, id and incarnation, on every request between our own nodes. */
  clusterId: 'raft-cluster-id',
  nodeId: 'raft-node-id',
  incarnation: 'raft-incarnation',
  /** Random, of one process: tells two processes with the same data from each other. */
  run: 'raft-run',
  /** Where the sender can be asked who it is, as its configuration has it. */
  url: 'raft-url',
  /** Of the last entry in the sender's log. */
  lastLogTerm: 'raft-last-log-term',
  lastLogIndex: 'raft-last-log-index',
  /** Where the sender's configuration has the receiver: one that is elsewhere learns of it. */
  expectedUrl: 'raft-expected-url',
  /** The incarnation that the sender expects the receiver to have: one that was wiped learns of it. */
  expectedIncarnation: 'raft-expected-incarnation',
} as const;

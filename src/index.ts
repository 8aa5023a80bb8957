/**
 * Raft servers in your own program: durable, speaking the protocol of peterbourgon/raft.
 *
 * @packageDocumentation
 */
export { createClient } from './api/client.ts';
export type { WatchEvent } from './api/schema.ts';
export type { WatchNotice, WatchOptions, WatchTarget } from './api/watch.ts';
export {
  type LogIndex,
  logIndex,
  type NodeId,
  nodeId,
  parseSessionId,
  type SessionId,
  type Term,
} from './lib/brands.ts';
export { RaftError, type RaftErrorCode } from './lib/errors.ts';
export type { SessionPlace } from './lib/session-command.ts';
export { type ApplyFunction, type CreateServerOptions, createServer } from './node/create-server.ts';
export { type HttpTransportOptions, httpPeer, httpTransport, localPeer } from './node/http-transport.ts';
export { LocalHub } from './node/local-hub.ts';
export { EchoMachine } from './raft/machine/echo.ts';
export { KvMachine } from './raft/machine/kv.ts';
export type {
  Change,
  ChangeHistory,
  ChangePage,
  ChangeSelector,
  CommandResult,
  Logger,
  PeerAddress,
  StateMachine,
} from './raft/ports.ts';
export { Server } from './raft/server.ts';
export type {
  CommandOptions,
  Consistency,
  OpenWatchOptions,
  RequestOptions,
  ServiceStatus,
  Watch,
  WatchNews,
} from './raft/service.ts';
export { DEFAULT_TIMING, type Timing } from './raft/timing.ts';

import { randomInt } from 'node:crypto';
import { systemClock } from '../raft/clock.ts';
import { Server, type ServerOptions } from '../raft/server.ts';

/** Seeds are drawn from this many. */
const SEEDS = 2 ** 47;

/** A server on the real clock, with random choices of its own. */
export function makeServer(options: Omit<ServerOptions, 'clock' | 'seed'>): Server {
  return new Server({ ...options, clock: systemClock, seed: randomInt(SEEDS) });
}

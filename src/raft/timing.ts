/** Times in milliseconds. */
export interface Timing {
  /** An election timeout is drawn from this range (§5.2). */
  readonly electionTimeoutMsMin: number;
  readonly electionTimeoutMsMax: number;
  readonly heartbeatMs: number;
}

/** The original's: 250 to 500 ms, and a heartbeat every tenth of the minimum. */
export const DEFAULT_TIMING: Timing = {
  electionTimeoutMsMin: 250,
  electionTimeoutMsMax: 500,
  heartbeatMs: 25,
};

import { PATHS } from '../../src/http/paths.ts';
import { readExchanges } from '../transport/exchanges.ts';
import { fuzzRequest, type Maker } from './fuzz-request.ts';

/** Ids of the recorded nodes; in their place stands one that no member has, whatever happens to its digits. */
const RECORDED_ID = /135287904876304511\d\d/g;
const NO_MEMBER = '7';

const RPC_PATHS: readonly string[] = [PATHS.requestVote, PATHS.appendEntries];
const RECORDED = readExchanges().filter(({ path }) => path !== PATHS.id);

/** A request that was recorded between nodes of the original, with a few bytes changed. */
export const changedRecording: Maker = (dice) => {
  const recorded = RECORDED[dice.integer(0, RECORDED.length - 1)];
  if (recorded === undefined) throw new Error('Nothing is recorded');
  const { method, path } = recorded;
  const isCommand = path === PATHS.command;
  const text = Buffer.from(recorded.request).toString('latin1').replace(RECORDED_ID, NO_MEMBER);
  const body = dice.mutate(Buffer.from(text, 'latin1'));
  const [to] = dice.chance(0.1) ? RPC_PATHS.filter((other) => other !== path) : [path];
  return fuzzRequest(
    `a recorded request to ${path} with changed bytes`,
    { type: isCommand ? 'any' : 'refused' },
    {
      method,
      path: isCommand ? path : (to ?? path),
      body,
    },
  );
};

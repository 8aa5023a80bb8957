import { present } from '../../src/lib/assert.ts';
import { INDEX_ZERO, logIndex, type NodeId, term } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import type { Entry } from '../../src/lib/entry.ts';
import { nextChance, nextInteger, type Prng } from '../../src/lib/prng.ts';
import type { DurableState } from './disk.ts';

const TERMS_MAX = 5;
const ENTRIES_PER_TERM_MAX = 3;

/**
 * What a few terms of leaders that came and went may have left on the disks of a cluster (as in figure 7): in each
 * term, somebody whom a majority could elect appends a few entries and copies some of them to some of the others.
 */
export function randomPast(prng: Prng, ids: readonly NodeId[]): ReadonlyMap<NodeId, DurableState> {
  const logs = new Map<NodeId, readonly Entry[]>(ids.map((id) => [id, []]));
  const terms = nextInteger(prng, 1, TERMS_MAX);
  for (let number = 1; number <= terms; number++) leadOnce(prng, logs, number);
  // Nobody remembers a vote, so that all must have come to a term in which nobody has asked for one.
  const hardState = { currentTerm: term(terms + 1), votedFor: null, abstainThrough: INDEX_ZERO };
  return new Map([...logs].map(([id, entries]) => [id, { hardState, entries: [...entries] }]));
}

function leadOnce(prng: Prng, logs: Map<NodeId, readonly Entry[]>, number: number): void {
  const ids = [...logs.keys()];
  const candidates = ids.filter(
    (id) => ids.filter((voter) => isUpToDate(logs, id, voter)).length > ids.length / 2,
  );
  const leader = present(
    candidates[nextInteger(prng, 0, candidates.length - 1)],
    'somebody who can be elected',
  );
  const log = [...present(logs.get(leader), 'its log')];
  const firstNew = log.length;
  for (let count = nextInteger(prng, 1, ENTRIES_PER_TERM_MAX); count > 0; count--) {
    const index = logIndex(log.length + 1);
    log.push({ index, term: term(number), command: utf8(`past ${number}/${index}`) });
  }
  logs.set(leader, log);
  for (const id of ids) {
    if (id !== leader && nextChance(prng, 0.4))
      logs.set(id, log.slice(0, nextInteger(prng, firstNew, log.length)));
  }
}

/** §5.4.1, said once more and independently of the core. */
function isUpToDate(logs: ReadonlyMap<NodeId, readonly Entry[]>, candidate: NodeId, voter: NodeId): boolean {
  const [own, other] = [logs.get(candidate)?.at(-1), logs.get(voter)?.at(-1)];
  const [ownTerm, otherTerm] = [own?.term ?? 0, other?.term ?? 0];
  return ownTerm > otherTerm || (ownTerm === otherTerm && (own?.index ?? 0) >= (other?.index ?? 0));
}

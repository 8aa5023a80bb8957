import type { LogLocation } from '../logtools/locate.ts';
import type { LogLookup } from '../logtools/log-index.ts';
import { type StateAnswer, StateTimeline, type TimelineOptions } from '../logtools/state-timeline.ts';
import { type InspectorState, layoutOf } from './inspector-state.ts';

/** Finds out the key-value state where somebody wants to see it, and applies the log for nobody else. */
export class StateLoader {
  readonly #location: LogLocation;
  readonly #log: LogLookup;
  readonly #options: TimelineOptions;
  #timeline: StateTimeline | undefined;

  constructor(location: LogLocation, log: LogLookup, options: TimelineOptions) {
    this.#location = location;
    this.#log = log;
    this.#options = options;
  }

  /** What is known of the state after the row that one is at; undefined where it is not shown. */
  answer(state: InspectorState): StateAnswer | undefined {
    const { stateColumns, detailRows } = layoutOf(state);
    if (stateColumns === 0 || detailRows === 0) return undefined;
    const row = state.cursor < this.#log.rowCount ? this.#log.rowAt(state.cursor) : undefined;
    if (row === undefined) return { type: 'refused', reason: 'There is no entry.' };
    if (row.type === 'damage') {
      return { type: 'refused', reason: 'This is damage: the state is that after an entry.' };
    }
    const damage = this.#damageBefore(state.cursor);
    if (damage !== undefined) return { type: 'refused', reason: damage };
    this.#timeline ??= new StateTimeline(this.#location, this.#options);
    return this.#timeline.at(row);
  }

  /** Why nothing behind damage has a state: what stood there is not known, or a node would cut the log there. */
  #damageBefore(row: number): string | undefined {
    const number = this.#log.previousDamage(row);
    const damage = number === undefined ? undefined : this.#log.rowAt(number);
    // Zeros at the end of a segment take no entry away: the next one goes on with the next index.
    if (damage?.type !== 'damage' || damage.kind === 'zero-tail') return undefined;
    const where = `offset ${damage.offset} of ${damage.segment.name}`;
    return `There is damage before this entry, at ${where} (${damage.kind}): what stood there is not known.`;
  }

  close(): void {
    this.#timeline?.close();
  }
}

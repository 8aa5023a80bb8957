import { StringDecoder } from 'node:string_decoder';
import type { Key } from './keys.ts';
import { ESCAPE, keysOfRest, typedKeys } from './typed-keys.ts';

/** After this time ESC alone is the key Esc, in milliseconds: the rest of a sequence comes at once, even where reads cut it. */
const ESCAPE_MS = 25;

/** What goes on behind ESC as a sequence does is waited for longer, in milliseconds: nobody types that by hand. */
const SEQUENCE_MS = 500;

/** Makes keys of what a terminal sends, read by read. */
export class KeyReader {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onKey: (key: Key) => void;
  #rest = '';
  #patience: NodeJS.Timeout | undefined;
  #lastLook: NodeJS.Immediate | undefined;

  constructor(onKey: (key: Key) => void) {
    this.#onKey = onKey;
  }

  take(bytes: Uint8Array): void {
    this.close();
    const { keys, rest } = typedKeys(this.#rest + this.#decoder.write(bytes));
    this.#rest = rest;
    if (rest !== '') this.#wait(rest === ESCAPE ? ESCAPE_MS : SEQUENCE_MS);
    for (const key of keys) this.#onKey(key);
  }

  /** Waits for nothing more. */
  close(): void {
    clearTimeout(this.#patience);
    clearImmediate(this.#lastLook);
  }

  #wait(delayMs: number): void {
    const giveUp = () => {
      const rest = this.#rest;
      this.#rest = '';
      for (const key of keysOfRest(rest)) this.#onKey(key);
    };
    // Where the process was busy meanwhile, the rest may have come and not been read: reads go before what is immediate.
    this.#patience = setTimeout(() => {
      this.#lastLook = setImmediate(giveUp);
    }, delayMs);
  }
}

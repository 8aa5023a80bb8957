/** Nesting of values that are skipped: deeper input is malformed, so that no input exhausts the stack. */
const DEPTH_MAX = 32;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Thrown by `JsonCursor` for input that is not what its caller reads. It never leaves the codec. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson';
}

/**
 * Reads JSON value by value, as its caller expects it. `JSON.parse` will not do on the wire of the original: it rounds
 * integers above 2^53 (ids go up to 2^64-1), and it takes `1.0` and `1e0` for the integer 1, which Go's decoder
 * refuses. Reading straight into the message also costs less than building objects first.
 *
 * Bytes are taken as Latin-1: the protocol's own names and values are ASCII, and all else is skipped.
 */
export class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  }

  /** Reads an object; `visit` gets each field's name and must read or skip its value. */
  object(visit: (name: string) => void): void {
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const name = this.string();
      this.#expect(':');
      visit(name);
    } while (this.#accept(','));
    this.#expect('}');
  }

  /** Reads an array; `visit` must read or skip each element. */
  array(visit: () => void): void {
    this.#expect('[');
    if (this.#accept(']')) return;
    do visit();
    while (this.#accept(','));
    this.#expect(']');
  }

  /** Reads `null` if it stands here, and says whether it did. */
  acceptNull(): boolean {
    return this.#acceptWord('null');
  }

  boolean(): boolean {
    if (this.#acceptWord('true')) return true;
    if (this.#acceptWord('false')) return false;
    throw this.#malformed('expected true or false');
  }

  /** The digits of an unsigned integer, exact, however long. */
  digits(): string {
    this.#skipSpace();
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    const length = this.#at - start;
    if (length === 0) throw this.#malformed('expected an unsigned integer');
    if (length > 1 && this.#text[start] === '0') throw this.#malformed('an integer begins with 0');
    const next = this.#text[this.#at];
    if (next === '.' || next === 'e' || next === 'E') throw this.#malformed('a number is not an integer');
    return this.#text.slice(start, this.#at);
  }

  string(): string {
    this.#expect('"');
    const start = this.#at;
    const end = this.#text.indexOf('"', start);
    if (end === -1) throw this.#malformed('a string has no end');
    const plain = this.#text.slice(start, end);
    if (plain.includes('\\')) return this.#escapedString(start);
    this.#at = end + 1;
    return plain;
  }

  /** Passes over one value of any kind. */
  skip(depth = 0): void {
    if (depth > DEPTH_MAX) throw this.#malformed('values are nested too deeply');
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '{') this.object(() => this.skip(depth + 1));
    else if (first === '[') this.array(() => this.skip(depth + 1));
    else if (first === '"') this.string();
    else if (!this.acceptNull() && !this.#acceptWord('true') && !this.#acceptWord('false'))
      this.#skipNumber();
  }

  /** Asserts that only white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#malformed('something follows the value');
  }

  /** A string with escapes is rare here: its end is looked for, and the built-in parser reads it. */
  #escapedString(start: number): string {
    let end = start;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw this.#malformed('a string has no end');
    this.#at = end + 1;
    try {
      return String(JSON.parse(this.#text.slice(start - 1, end + 1)));
    } catch {
      throw this.#malformed('a string has a bad escape');
    }
  }

  #skipNumber(): void {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#malformed('expected a value');
    this.#at += match[0].length;
  }

  #acceptWord(word: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #accept(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#malformed(`expected ${character}`);
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #malformed(what: string): MalformedJson {
    return new MalformedJson(`${what} at byte ${this.#at}`);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Space, tab, line feed and carriage return: JSON's white space. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

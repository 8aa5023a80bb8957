import { EMPTY_BYTES } from '../lib/bytes.ts';
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from './frame.ts';

/** Bytes that a scanner wants next. It is answered with them; fewer than `length` mean that the file has become shorter. */
interface ReadRequest {
  readonly position: number;
  readonly length: number;
}

/** A computation that asks for bytes on its way: whoever runs it reads them, from a disk, a file or memory. */
export type Reading<T> = Generator<ReadRequest, T, Uint8Array>;

/** The longest request for a chunk of `chunkBytes`: a frame, the header after it, and a chunk to go on in. */
export function readBytesMax(chunkBytes: number): number {
  return FRAME_BYTES_MAX + FRAME_HEADER_BYTES + chunkBytes;
}

/**
 * The part of a file that a scanner looks at. It holds one chunk, the reader's own array, and asks for the next one
 * where that does not reach; a frame that lies across the end of a chunk is simply read again from its start.
 */
export class Window {
  readonly chunkBytes: number;
  #fileBytes: number;
  #base = 0;
  #bytes: Uint8Array = EMPTY_BYTES;
  #view: DataView = viewOf(EMPTY_BYTES);
  #bytesRead = 0;

  constructor(fileBytes: number, chunkBytes: number) {
    this.#fileBytes = fileBytes;
    this.chunkBytes = chunkBytes;
  }

  /** The length of the file, as far as is known: a read that comes back short lowers it. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** The chunk that is held, and a view of it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Where in the file the chunk begins. */
  get base(): number {
    return this.#base;
  }

  /** Everything that was asked for so far, in bytes: a measure of work. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Whether the chunk holds these bytes of the file. */
  holds(position: number, length: number): boolean {
    return position >= this.#base && position + length <= this.#base + this.#bytes.length;
  }

  /**
   * Makes the chunk hold `length` bytes from `position`, and `aheadBytes` more where it has to read. False where the file
   * ends before. `length` is at most a frame and a header, so no SIZE field makes a request large. Behind a frame that is
   * longer than a chunk only the next header is read: the next one may be as long, and would be read twice.
   */
  *load(position: number, length: number, aheadBytes: number = this.chunkBytes): Reading<boolean> {
    if (length === 0 || this.holds(position, length)) return true;
    if (position + length > this.#fileBytes) return false;
    const more = length > this.chunkBytes ? Math.min(aheadBytes, FRAME_HEADER_BYTES) : aheadBytes;
    const request = { position, length: Math.min(length + more, this.#fileBytes - position) };
    const bytes = yield request;
    this.#base = position;
    this.#bytes = bytes.length > request.length ? bytes.subarray(0, request.length) : bytes;
    this.#view = viewOf(this.#bytes);
    this.#bytesRead += request.length;
    if (bytes.length < request.length) this.#fileBytes = position + bytes.length;
    return this.#bytes.length >= length;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

import { connect, type Socket } from 'node:net';

/** A TCP connection that says what no HTTP client would. */
export class RawClient {
  readonly #socket: Socket;
  #received = '';
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#received += text;
    });
    this.#socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** Takes nothing of what the server says until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** All that the server has said until it ended the connection. */
  async untilClosed(): Promise<string> {
    await this.closed;
    return this.#received;
  }

  /** What the server has said once that contains `text`. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      await new Promise((resolve, reject) => {
        this.#socket.once('data', resolve);
        this.#socket.once('close', () => reject(new Error(`closed after: ${this.#received}`)));
      });
    }
    return this.#received;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

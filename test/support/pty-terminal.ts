import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { assert } from '../../src/lib/assert.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const TIMEOUT_MS = 30_000;

/**
 * What the shell says once the command has ended: its exit code, and whether the terminal reads lines and echoes. It stays
 * until it is closed, because a terminal that ends may take its last words with it.
 */
const SCRIPT = '"$@"; echo "ended with $?"; stty -a; read -r _';

export interface PtyOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command left its terminal. */
export interface LeftTerminal {
  readonly code: number;
  /** What was printed from the time on that the terminal was given back. */
  readonly text: string;
  readonly isFirstScreen: boolean;
  readonly isCursorShown: boolean;
  /** Lines are edited and echoed: the terminal is not raw. */
  readonly isCooked: boolean;
}

/** The built `raft` on a terminal of its own, under a shell, as a person starts it. */
export class PtyTerminal {
  readonly #pty: IPty;
  readonly #terminal: xterm.Terminal;
  #raw = '';
  #isOver = false;
  #looked: () => void = () => {};

  constructor(args: readonly string[], { columns, rows, cwd, env = {} }: PtyOptions) {
    assert(
      existsSync(fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))),
      'npm run build first',
    );
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#pty = spawn('sh', ['-c', SCRIPT, 'sh', process.execPath, RUN, ...args], {
      ...{ cols: columns, rows, name: env.TERM ?? 'xterm-256color' },
      cwd: cwd ?? process.cwd(),
      env: { PATH, HOME, TMPDIR, ...env },
    });
    this.#pty.onData((data) => {
      this.#terminal.write(data, () => {
        this.#raw += data;
        this.#looked();
      });
    });
    this.#pty.onExit(() => {
      this.#isOver = true;
      this.#terminal.write('', () => this.#looked());
    });
  }

  /** All that the command has sent to the terminal, as far as it stands on the screen. */
  get raw(): string {
    return this.#raw;
  }

  /** The lines of the screen as they are now. */
  get lines(): readonly string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) =>
      (active.getLine(active.baseY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  get text(): string {
    return this.lines.join('\n');
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Sends a signal to the command itself. */
  signal(name: NodeJS.Signals): void {
    const children = readFileSync(`/proc/${this.#pty.pid}/task/${this.#pty.pid}/children`, 'utf8');
    process.kill(Number(children.trim().split(' ')[0]), name);
  }

  /** Resolves once the screen matches, with no frame half drawn; rejects, with the screen, where it never does. */
  async shows(wanted: RegExp | ((text: string) => boolean)): Promise<string> {
    const matches = typeof wanted === 'function' ? wanted : (text: string) => wanted.test(text);
    return new Promise((resolve, reject) => {
      const give = (reason: string) => reject(new Error(`${reason} before ${String(wanted)}:\n${this.text}`));
      const timer = setTimeout(() => give(`${TIMEOUT_MS} ms passed`), TIMEOUT_MS);
      const look = () => {
        // The first lines of a frame may come before its last ones, and what is asked next may be about those.
        if (!this.#terminal.modes.synchronizedOutputMode && matches(this.text)) {
          clearTimeout(timer);
          resolve(this.text);
        } else if (this.#isOver) {
          clearTimeout(timer);
          give('The command ended');
        }
      };
      this.#looked = look;
      look();
    });
  }

  /** Resolves once the command has ended and the shell has said how it left the terminal. */
  async left(): Promise<LeftTerminal> {
    // A small screen has not room for all of it.
    await this.shows(() => /ended with \d+[\s\S]*iexten[\s\S]*extproc/.test(this.#raw));
    const text = this.#raw.slice(this.#raw.lastIndexOf('\u001b[?1049l') + 1);
    const isShown = this.#raw.lastIndexOf('\u001b[?25h') >= this.#raw.lastIndexOf('\u001b[?25l');
    return {
      code: Number(/ended with (\d+)/.exec(text)?.[1]),
      text,
      isFirstScreen: this.#terminal.buffer.active.type === 'normal',
      isCursorShown: isShown,
      isCooked: /(?<!-)icanon/.test(text) && /(?<!-)echo\b/.test(text),
    };
  }

  /** Ends whatever still runs. */
  close(): void {
    if (!this.#isOver) this.#pty.kill('SIGKILL');
    this.#terminal.dispose();
  }
}

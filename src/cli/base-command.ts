import { once } from 'node:events';
import { Command } from '@oclif/core/command';
import { ExitError } from '@oclif/core/errors';
import type { Input, ParserOutput } from '@oclif/core/interfaces';
import { diskCodeOf } from '../lib/disk-full.ts';
import { RaftError } from '../lib/errors.ts';
import type { ChangeUi } from './config-change.ts';
import { type Failure, failureJson, failureOf, failureText, requestedExitCode } from './failure.ts';
import type { ServerFlags } from './find-cluster.ts';
import { jsonLine } from './json.ts';
import { placeIn, repeatPlace } from './repeat-place.ts';
import { serverVariable } from './server-variable.ts';
import { type EndingSignal, onEndingSignal, signalExitCode } from './signals.ts';

/** What oclif makes of flags and arguments, by their names. */
type Parsed = Readonly<Record<string, unknown>>;

/**
 * What all commands have in common, and where oclif is mended once for all of them:
 *
 * - `--json` keeps the exit code: a failure is `{"error":{"code","message","suggestions"}}` on standard output.
 * - Results are printed by `printJson`, never returned, so that falsy ones and bigints are printed too.
 * - Commands that it says to type next look where this one was told to: with the `--dir`, `--server` or `--join` that was
 *   typed.
 * - Mistakes in the command line end with 2, and a `RaftError` with the exit code of its code.
 * - A reader that closes the pipe (`| head`) ends the command quietly: with 0, or as the failure says that is told just
 *   then. One that changes something goes on to its end (`goOnUnread`); `raft command -` alone, which leaves work undone
 *   then, ends with 141 and says where.
 * - SIGINT, SIGTERM and SIGHUP end it with 130, 143 and 129, unless the command takes the signals over; a write that they
 *   end says that its outcome is not known.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  #onSignal: (signal: EndingSignal) => void = (signal) => process.exit(signalExitCode(signal));
  #releaseSignals: () => void = () => {};
  /** Where the cluster is, as it was typed. */
  #place: ServerFlags = {};
  /** The nodes are named by their addresses: of a cluster directory nothing is known. */
  #hasNoDirectory = false;
  /** Work goes on where nobody reads of it. */
  #goesOnUnread = false;
  /** Nobody reads standard output any more, and nothing is written to it. */
  #isUnread = false;
  /** Of a failure that is being told. */
  #failedWith = 0;

  abstract override run(): Promise<void>;

  protected override async init(): Promise<void> {
    await super.init();
    // Listened to once and for all: a signal that comes while one listener takes another's place would be lost.
    this.#releaseSignals = onEndingSignal((signal) => this.#onSignal(signal));
    // oclif's own listener knows EPIPE alone and throws for a terminal that is gone.
    process.stdout.removeAllListeners('error').on('error', (error) => this.#outputBroken(error));
    process.stderr.on('error', () => {});
  }

  protected override async parse<F extends Parsed, B extends Parsed, A extends Parsed>(
    options?: Input<F, B, A>,
    argv?: string[],
  ): Promise<ParserOutput<F, B, A>> {
    const parsed = await super.parse<F, B, A>(options, argv);
    this.#place = placeIn(parsed.flags);
    const takesServers = 'server' in (this.ctor.flags ?? {});
    this.#hasNoDirectory =
      this.#place.server !== undefined || (takesServers && serverVariable(this.#place) !== undefined);
    return parsed;
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#releaseSignals();
    // What was dropped will never be flushed: whoever waited for that would wait for ever.
    if (this.#isUnread) process.exit(requestedExitCode(error) ?? this.#failedWith);
    await super.finally(error);
  }

  /** Prints the failure in the form that was asked for, then ends with its exit code. */
  protected override async catch(error: unknown): Promise<never> {
    const requested = requestedExitCode(error);
    if (requested !== undefined) throw error;
    const failure = this.withPlace(failureOf(error));
    this.#failedWith = failure.exitCode;
    if (this.jsonEnabled()) this.printJson(failureJson(failure));
    else process.stderr.write(failureText(failure));
    if (process.env.DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    throw new ExitError(failure.exitCode);
  }

  /** A pipe or a terminal that is gone is one thing; a disk that takes no more, another: then the result is lost. */
  #outputBroken(error: Error): void {
    const code = 'code' in error ? String(error.code) : '';
    const isGone = code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && process.stdout.isTTY);
    if (isGone) this.outputClosed();
    else this.outputFailed(error);
  }

  /** Standard output cannot be written: whoever redirected it must not take what is there for the whole. */
  protected outputFailed(error: Error): void {
    const failure = failureOf(
      new RaftError(diskCodeOf(error), `The output cannot be written: ${error.message}.`, {
        suggestions: ['Send it to a place with room, and run the command again.'],
      }),
    );
    process.stderr.write(failureText(failure));
    process.exit(failure.exitCode);
  }

  /** Nobody reads standard output any more. Whoever pipes into `head` has seen enough: that is no failure. */
  protected outputClosed(): void {
    if (this.#goesOnUnread) this.#isUnread = true;
    else process.exit(this.#failedWith);
  }

  /**
   * From here on the command changes something: a reader of its output that goes away does not end it halfway. What is
   * left to print is dropped, and the exit code is that of the work.
   */
  protected goOnUnread(): void {
    this.#goesOnUnread = true;
  }

  /** Lets the command decide what an ending signal does, in place of the default and of earlier handlers. */
  protected takeSignals(handler: (signal: EndingSignal) => void): void {
    this.#onSignal = handler;
  }

  /**
   * Does what changes something. Whoever ends the command by a signal meanwhile is told what that leaves open; `advice`
   * says what to do then.
   */
  protected async whileSent<T>(
    send: () => Promise<T>,
    advice = 'Look whether it was before you send it again.',
  ): Promise<T> {
    const before = this.#onSignal;
    this.#onSignal = (signal) => {
      this.note(`No answer came yet: if it was sent, it may have been done, or may yet be. ${advice}`);
      process.exit(signalExitCode(signal));
    };
    try {
      return await send();
    } finally {
      this.#onSignal = before;
    }
  }

  /** What a change of members needs of its command. */
  protected changeUi(): ChangeUi {
    return {
      isJson: this.jsonEnabled(),
      printResult: (document, text) => this.printResult(document, text),
      note: (text) => this.note(text),
      withPlace: (failure) => this.withPlace(failure),
      takeSignals: (handler) => this.takeSignals(handler),
    };
  }

  /** Prints a line for people, or several. Whoever asked for JSON gets JSON alone. */
  protected print(text: string): void {
    if (!this.jsonEnabled()) this.#put(`${text}\n`);
  }

  /** Prints a result in the form that was asked for. */
  protected printResult(document: unknown, text: () => string): void {
    if (this.jsonEnabled()) this.printJson(document);
    else this.print(text());
  }

  /** Prints one JSON document on one line. */
  protected printJson(value: unknown): void {
    this.#put(jsonLine(value));
  }

  /** Writes bytes as they are, and waits while the reader is slower: a stream of any length takes little memory. */
  protected async write(chunk: string | Uint8Array): Promise<void> {
    if (this.#put(chunk)) return;
    // Where the reader goes away meanwhile, nothing drains any more, and the error has been seen to (`#outputBroken`).
    await once(process.stdout, 'drain').catch((error: unknown) => {
      if (!this.#isUnread) throw error;
    });
  }

  /** Writes to standard output unless nobody reads it; false where its reader is slower. */
  #put(chunk: string | Uint8Array): boolean {
    return this.#isUnread || process.stdout.write(chunk);
  }

  /**
   * Resolves once standard output has taken all that was written. Where it cannot any more, it never does: the command
   * ends by `outputClosed` or `outputFailed`.
   */
  protected async outputTaken(): Promise<void> {
    await new Promise<void>((resolve) => {
      process.stdout.write('', (error) => {
        if (error === undefined || error === null) resolve();
      });
    });
  }

  /** Writes one JSON document of a stream on one line. */
  protected async writeJson(value: unknown): Promise<void> {
    await this.write(jsonLine(value));
  }

  /** Says something beside the result, on standard error. */
  protected note(text: string): void {
    process.stderr.write(`${repeatPlace(text, this.#place)}\n`);
  }

  /** The failure with commands to type next that look where this one did. */
  protected withPlace(failure: Failure): Failure {
    const suggestions = failure.suggestions
      // Nodes that were started in another way are not those of a directory that happens to be here.
      .filter((line) => !this.#hasNoDirectory || !line.includes('raft cluster start'))
      .map((line) => repeatPlace(line, this.#place));
    return { ...failure, suggestions };
  }
}

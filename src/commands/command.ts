import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { RaftClient } from '../api/client-types.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { commandInFile } from '../cli/command-file.ts';
import { onceFlags, serverFlags, timeoutFlags } from '../cli/flags.ts';
import { prose } from '../cli/prose.ts';
import { READER_GONE_EXIT_CODE } from '../cli/signals.ts';
import { standardInputLines } from '../cli/standard-input.ts';
import { linesFor } from '../cli/terminal.ts';
import { usage } from '../cli/values.ts';
import { withClient } from '../cli/with-client.ts';
import { strictTextOf, utf8 } from '../lib/bytes.ts';
import { asRaftError, exitCodeOf, RaftError } from '../lib/errors.ts';
import type { CommandResult } from '../raft/ports.ts';

/** Has commands replicated and prints what the machine answers. */
export class SendCommand extends BaseCommand {
  static override summary = 'Have a command replicated, and print what the machine answers.';

  static override description =
    prose`Any node will do: it passes the command on to the leader. With -, each line of standard
input is a command, sent once the one before is answered; empty lines are passed over. The first that fails ends the
command and is named; so does a reader of the answers that goes away, with exit code 141. A command is sent again until
there is an answer or time is up, and applied once: the commands of one run are in one session. Exit code 0 says that a
command was replicated and the machine answered, also where its answer is that it refuses; 69 that a command was certainly
not done, 75 that its outcome is not known: look before you repeat it. On a terminal control characters of an answer are
shown as dots, but for line feeds and tabs, and one that is no UTF-8 in hexadecimal digits; elsewhere answers are printed
as they are.`;

  static override examples = [
    "<%= config.bin %> <%= command.id %> 'put greeting hello'",
    '<%= config.bin %> <%= command.id %> - < commands.txt',
    '<%= config.bin %> <%= command.id %> --file picture.png --json',
  ];

  static override args = {
    text: Args.string({
      description: 'The command, or - for one a line from standard input.',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    file: Flags.string({ description: 'The content of this file is the command.', helpValue: 'FILE' }),
    ...onceFlags,
    ...serverFlags,
    ...timeoutFlags,
  };

  /** While lines are sent: how many of them are done. */
  #linesDone: number | undefined;

  /** Who reads one answer of many and leaves has not seen that the rest is done, and it is not: that is no success. */
  protected override outputClosed(): void {
    if (this.#linesDone === undefined) super.outputClosed();
    this.note('Nobody reads the answers any more.');
    this.#noteLinesDone();
    process.exit(READER_GONE_EXIT_CODE);
  }

  protected override outputFailed(error: Error): void {
    this.#noteLinesDone();
    super.outputFailed(error);
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SendCommand);
    const { text } = args;
    if ((text === undefined) === (flags.file === undefined)) {
      throw usage('Give one command: a TEXT, - for standard input, or --file.', [
        "raft command 'put greeting hello'",
      ]);
    }
    if (text === '-') {
      await withClient(flags, (client) => this.#sendLines(client));
      return;
    }
    const command = flags.file === undefined ? utf8(text ?? '') : await commandInFile(flags.file);
    if (command.length === 0) throw usage('A command is at least one byte long: this one is empty.');
    const result = await this.whileSent(() => withClient(flags, (client) => client.command(command)));
    await this.#show(result);
  }

  async #sendLines(client: RaftClient): Promise<void> {
    let line = 0;
    this.#linesDone = 0;
    for await (const command of standardInputLines()) {
      line++;
      if (command.length === 0) continue;
      try {
        const result = await this.whileSent(() => client.command(command), adviceAtLine(line));
        this.#linesDone = line;
        await this.#show(result);
        // Whether anybody takes the answer is to be known before the next line leaves.
        await this.outputTaken();
      } catch (error) {
        throw atLine(line, asRaftError(error));
      }
    }
  }

  #noteLinesDone(): void {
    const done = this.#linesDone;
    if (done === undefined) return;
    this.note(
      `Line ${done} was the last one answered, and no other was sent. Go on with: tail -n +${done + 1}`,
    );
  }

  async #show({ index, term, response }: CommandResult): Promise<void> {
    const text = strictTextOf(response);
    if (this.jsonEnabled()) {
      const responseBase64 = Buffer.from(response).toString('base64');
      const where = { index: index ?? null, term: term ?? null };
      await this.writeJson({ ...where, response: text ?? null, responseBase64 });
      return;
    }
    // What is no text would be anything to a terminal; into a pipe it goes as it is, without a byte more.
    const shown = process.stdout.isTTY ? linesFor(text ?? hexOf(response)) : text;
    await this.write(shown ?? response);
    if (shown !== undefined && !shown.endsWith('\n')) await this.write('\n');
  }
}

/** Bytes as the log tools show those that are no text. */
function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** What to do where nobody knows what became of a line. */
function adviceAtLine(line: number): string {
  return `Lines up to ${line - 1} are done. Find out about line ${line} before you go on with: tail -n +${line + 1}`;
}

function atLine(line: number, error: RaftError): RaftError {
  const { code, message, suggestions, leader } = error;
  const rest =
    exitCodeOf(code) === exitCodeOf('outcome-unknown')
      ? adviceAtLine(line)
      : `Lines up to ${line - 1} are done. Go on with: tail -n +${line}`;
  return new RaftError(code, `Line ${line}: ${message}`, {
    suggestions: [...suggestions, rest],
    cause: error,
    ...(leader === undefined ? {} : { leader }),
  });
}

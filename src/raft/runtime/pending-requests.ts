import type { LogIndex } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import type { Outcome, RejectReason } from '../core/effects.ts';
import { type Answer, refusalError } from '../machine/sessions.ts';
import type { Clock, CommandResult } from '../ports.ts';

/** A client's request that waits for a decision. */
interface Pending<T> {
  resolve(value: T): void;
  reject(error: RaftError): void;
}

/** How long to wait, and who may end the waiting. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const LOOK_FIRST = 'Look whether it was done before you repeat it.';

/**
 * The clients that wait on this node: commands until their entry is applied, reads until they are confirmed. Each is
 * answered once: with a result, with an error that says "certainly not done", or with "unknown".
 */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #commands = new Map<number, Pending<CommandResult>>();
  readonly #reads = new Map<number, Pending<LogIndex>>();
  /** Commands whose entry is committed, by its index, until it is applied. */
  readonly #committed = new Map<LogIndex, { readonly proposalId: number }>();
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for the outcome of a proposal; `propose` is given its id. */
  command(patience: Patience, propose: (proposalId: number) => void): Promise<CommandResult> {
    const giveUp = (why: string): RaftError =>
      new RaftError('outcome-unknown', `The command was not decided ${why}; it may still be committed.`, {
        suggestions: [LOOK_FIRST],
      });
    return this.#wait(this.#commands, patience, giveUp, propose);
  }

  /** Waits until a read is confirmed; resolves with the index that the machine must have applied. */
  read(patience: Patience, readIndex: (readId: number) => void): Promise<LogIndex> {
    const giveUp = (why: string): RaftError =>
      new RaftError('no-leader', `No majority confirmed the read ${why}.`, { suggestions: ['raft status'] });
    return this.#wait(this.#reads, patience, giveUp, readIndex);
  }

  /** Takes a decision of the core. */
  decide(outcome: Outcome): void {
    switch (outcome.type) {
      case 'committed':
        this.#committed.set(outcome.index, { proposalId: outcome.proposalId });
        return;
      case 'rejected':
        this.#commands.get(outcome.proposalId)?.reject(rejection(outcome.reason));
        return;
      case 'unknown':
        this.#commands
          .get(outcome.proposalId)
          ?.reject(
            new RaftError(
              'outcome-unknown',
              'The leader lost contact with a majority before the command was committed; it may still be.',
              { suggestions: [LOOK_FIRST] },
            ),
          );
        return;
      case 'readReady':
        this.#reads.get(outcome.readId)?.resolve(outcome.readIndex);
        return;
      case 'readRejected':
        this.#reads.get(outcome.readId)?.reject(rejection(outcome.reason));
    }
  }

  /**
   * The machine has answered the command at an index: whoever proposed it gets the answer. It may be the answer to an
   * earlier copy of the command, with the index of that.
   */
  applied(at: LogIndex, answer: Answer): void {
    const committed = this.#committed.get(at);
    if (committed === undefined) return;
    this.#committed.delete(at);
    const pending = this.#commands.get(committed.proposalId);
    if (answer.type === 'refused') {
      pending?.reject(refusalError(answer.refusal));
      return;
    }
    const { index, term, response } = answer;
    pending?.resolve({ index, term, response });
  }

  /** Answers everybody: the node stops. */
  stop(): void {
    const stopping = 'The node stopped';
    for (const pending of [...this.#commands.values()]) {
      pending.reject(
        new RaftError(
          'outcome-unknown',
          `${stopping} before the command was decided; it may still be committed.`,
          {
            suggestions: [LOOK_FIRST],
          },
        ),
      );
    }
    for (const pending of [...this.#reads.values()]) {
      pending.reject(new RaftError('stopping', `${stopping} before the read was confirmed.`));
    }
  }

  #wait<T>(
    table: Map<number, Pending<T>>,
    patience: Patience,
    giveUp: (why: string) => RaftError,
    begin: (id: number) => void,
  ): Promise<T> {
    const { timeoutMs, signal } = patience;
    if (signal?.aborted === true) return Promise.reject(calledOff());
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      const callOff = () => table.get(id)?.reject(giveUp('before it was called off'));
      const cancelTimer = this.#clock.after(timeoutMs, () =>
        table.get(id)?.reject(giveUp(`within ${timeoutMs} ms`)),
      );
      const settle = () => {
        table.delete(id);
        cancelTimer();
        signal?.removeEventListener('abort', callOff);
      };
      table.set(id, {
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', callOff);
      begin(id);
    });
  }
}

function calledOff(): RaftError {
  return new RaftError('stopping', 'The request was called off before anything was done.');
}

/** What a client is told whose request certainly was not done. */
function rejection(reason: RejectReason): RaftError {
  switch (reason) {
    case 'not-leader':
      return new RaftError('not-leader', 'This node does not lead; the request was not done.', {
        suggestions: ['raft leader show'],
      });
    case 'overwritten':
      return new RaftError(
        'no-leader',
        'The leader changed and dropped the command; it certainly was not done.',
        {
          suggestions: ['It is safe to send it again.'],
        },
      );
    case 'too-many':
      return new RaftError('too-many', 'Too many requests wait on the leader; this one was not done.', {
        suggestions: ['Send fewer at a time, and this one again.'],
      });
    case 'original-member':
      return new RaftError(
        'unsupported',
        'Sessions, and commands that begin with the mark of our own entries, cannot be used while a member speaks only the original protocol.',
        {
          suggestions: [
            'Send it without a session, and at most once: raft command --once TEXT',
            'Finish the migration first: replace the remaining nodes of the original.',
          ],
        },
      );
  }
}

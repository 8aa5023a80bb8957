import { assertNever } from '../../lib/assert.ts';
import type { LogIndex } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import type { Outcome } from '../core/effects.ts';
import { type Answer, refusalError } from '../machine/sessions.ts';
import type { Clock, CommandResult, MembershipResult, TransferResult } from '../ports.ts';
import { changeRejection, proposalRejection, rejection, transferRejection } from './refusals.ts';

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
  readonly #changes = new Map<number, Pending<MembershipResult>>();
  readonly #transfers = new Map<number, Pending<TransferResult>>();
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

  /** Waits for the end of a change of members; `begin` is given its id. */
  change(patience: Patience, begin: (changeId: number) => void): Promise<MembershipResult> {
    return this.#wait(this.#changes, patience, (why) => changeUnknown(`was not finished ${why}`), begin);
  }

  /** Waits for the end of a transfer of leadership; `begin` is given its id. */
  transfer(patience: Patience, begin: (transferId: number) => void): Promise<TransferResult> {
    const giveUp = (why: string): RaftError =>
      new RaftError('outcome-unknown', `Leadership was not handed over ${why}; it may still be.`, {
        suggestions: ['raft leader show'],
      });
    return this.#wait(this.#transfers, patience, giveUp, begin);
  }

  /** Takes a decision of the core. */
  decide(outcome: Outcome): void {
    switch (outcome.type) {
      case 'committed':
        this.#committed.set(outcome.index, { proposalId: outcome.proposalId });
        return;
      case 'rejected':
        this.#commands.get(outcome.proposalId)?.reject(proposalRejection(outcome));
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
        return;
      case 'changed':
        this.#changes.get(outcome.changeId)?.resolve({ index: outcome.index });
        return;
      case 'changeRejected':
        this.#changes.get(outcome.changeId)?.reject(changeRejection(outcome));
        return;
      case 'changeUnknown':
        this.#changes.get(outcome.changeId)?.reject(changeUnknown('lost its leader on the way'));
        return;
      case 'transferred':
        this.#transfers.get(outcome.transferId)?.resolve({ leaderId: outcome.leaderId });
        return;
      case 'transferRejected':
        this.#transfers.get(outcome.transferId)?.reject(transferRejection(outcome.reason));
        return;
      default:
        assertNever(outcome, 'outcome');
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
    for (const pending of [...this.#changes.values()]) {
      pending.reject(changeUnknown('was not finished before the node stopped'));
    }
    for (const pending of [...this.#transfers.values()]) {
      pending.reject(new RaftError('stopping', `${stopping} before it knew who leads next.`));
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

function changeUnknown(how: string): RaftError {
  return new RaftError(
    'outcome-unknown',
    `The change of members ${how}: the next leader finishes it or takes it back.`,
    { suggestions: ['raft config get   # says what is in force, and what is under way'] },
  );
}

function calledOff(): RaftError {
  return new RaftError('stopping', 'The request was called off before anything was done.');
}

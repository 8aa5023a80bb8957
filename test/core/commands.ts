import { logIndex, type NodeId } from '../../src/lib/brands.ts';
import type { Effects } from '../../src/raft/core/effects.ts';
import { isRequest } from '../../src/raft/core/messages.ts';
import {
  describeCore,
  describeEffects,
  describeEntries,
  describeMembers,
  describePeers,
  describeWrite,
} from './describe.ts';
import type { Torn } from './disk.ts';
import { entriesOf, linkOf, messageOf, optionsOf, originalAnswer, termOf } from './parse.ts';
import {
  ELECTION_TIMEOUT_MS_MIN,
  type InTransit,
  type PendingWrite,
  Sandbox,
  type SandboxNode,
  type SandboxObserver,
  sandboxId,
} from './sandbox.ts';

/**
 * The language of the transcripts. A command is a word and its arguments; what it prints is what the cores did.
 *
 *   nodes ID… [in-flight=N] [entries=N] [window=BYTES] [original=ID,…] [unknown=ID,…] [spare=ID,…]
 *        [hints=yes]                  a fresh cluster; what the unknown speak, nobody knows yet; spare nodes are no
 *                                     members, and know none; with hints they remember what is committed
 *   tick ID MS                        time passes on one node, in one piece
 *   pass MS                           time passes everywhere, 5 ms at a time; messages arrive at once
 *   timeout ID                        time passes on one node until its election timer runs out
 *   elect ID                          the others forget the last leader as time passes; then timeout, and settle
 *   propose ID TEXT…                  commands, appended as one batch
 *   propose-marked ID TEXT…           the same, but that they begin with the mark of our own entries
 *   read ID                           a linearizable read
 *   change ID voters=ID,… [learners=ID,…] [expect=INDEX] [forced=yes]
 *                                     somebody asks for other members
 *   transfer ID [TARGET]              somebody asks the leader to hand over
 *   deliver [FROM->TO [last]]         everything on the wire now, or that link's oldest (or last) message
 *   settle                            deliver until the wire is empty
 *   drop [FROM->TO]                   lose messages
 *   copy FROM->TO                     duplicate the oldest message of a link
 *   cut FROM->TO…, mend               break links one way; repair all
 *   isolate ID…, heal                 no messages from or to; repair all
 *   hold-disk ID, sync ID [N]         writes wait; finish N of them (all)
 *   free-disk ID                      finish all and wait no more
 *   hold-reads ID, free-reads ID      what was read from the log store is told later
 *   crash ID… [torn=PART]             power loss, in the middle of a write: hard-state, truncation or first-entry
 *   restart ID…                       start again from what is durable
 *   wipe ID                           it loses its data, and starts under its old id without any members
 *   lost ID TO                        the transport reports the oldest request under way from ID to TO as lost
 *   dialect ID PEER KIND              what ID knows that PEER speaks
 *   send FROM->TO append term=T prev=I/T entries=I/T:TEXT,… commit=I
 *   send FROM->TO vote term=T last=I/T            and  prevote term=T last=I/T
 *   send FROM->TO success id=N term=T             a response, to request N
 *   answer FROM->TO yes|no [term=T]   the oldest request from TO to FROM is answered as the original would
 *   given ID term=T vote=ID abstain=I log=I/T:TEXT,…   what a node's disk holds, then a restart
 *   state [ID…]                       one line a node
 *   peers ID                          what a leader knows of its peers
 *   members [ID…]                     the configuration in force
 *   log [ID…]                         the durable entries
 *   quiet COMMAND                     does it and prints nothing
 */
export class Interpreter {
  readonly #lines = new Transcript();
  #sandbox = this.#create(['1']);

  run(line: string): string[] {
    const [word = '', ...args] = line.trim().split(/\s+/);
    if (word === 'quiet') {
      this.run(args.join(' '));
      return [];
    }
    if (word === 'nodes') this.#sandbox = this.#create(args);
    else this.#dispatch(word, args);
    return this.#lines.take();
  }

  #create(args: readonly string[]): Sandbox {
    const options = optionsOf(args);
    return new Sandbox({
      ids: args.filter((arg) => !arg.includes('=')).map(sandboxId),
      spare: options.get('spare')?.split(',').map(sandboxId) ?? [],
      originals: options.get('original')?.split(',').map(sandboxId) ?? [],
      unknown: options.get('unknown')?.split(',').map(sandboxId) ?? [],
      appendsInFlightMax: Number(options.get('in-flight') ?? 1),
      windowBytesMax: Number(options.get('window') ?? 1024 * 1024),
      appendEntriesMax: Number(options.get('entries') ?? 10),
      keepsCommitHints: options.get('hints') === 'yes',
      seed: 'transcript',
      observer: this.#lines,
    });
  }

  #dispatch(word: string, args: readonly string[]): void {
    const command = COMMANDS[word];
    if (command !== undefined) {
      command(this.#sandbox, args);
      return;
    }
    const chosen =
      args.length === 0
        ? [...this.#sandbox.nodes.values()]
        : args.map((id) => this.#sandbox.node(sandboxId(id)));
    const question = QUESTIONS[word];
    if (question === undefined) throw new Error(`Unknown command in a transcript: ${word}`);
    for (const node of chosen) this.#lines.note(...question(node));
  }
}

/** Writes down everything that the cores do. */
class Transcript implements SandboxObserver {
  #lines: string[] = [];

  stepped(node: SandboxNode, effects: Effects, isWaiting: boolean): void {
    this.note(...describeEffects(node.id, effects, isWaiting));
  }

  written(node: SandboxNode, write: PendingWrite): void {
    if (node.isDiskHeld) this.note(...describeWrite(node.id, write));
  }

  sent(): void {
    // What is sent stands in the transcript with the step that wanted it.
  }

  note(...lines: string[]): void {
    this.#lines.push(...lines);
  }

  /** What happened since the last call. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

const QUESTIONS: Readonly<Record<string, (node: SandboxNode) => string[]>> = {
  state: (node) => [node.isUp ? describeCore(node.core) : `${node.id} is down`],
  log: (node) => [`${node.id} has ${describeEntries(node.durable.entries) || 'nothing'}`],
  peers: (node) => describePeers(node.core),
  members: (node) => [describeMembers(node.core)],
};

type Command = (box: Sandbox, args: readonly string[]) => void;

const COMMANDS: Readonly<Record<string, Command>> = {
  tick: (box, args) => box.input(idAt(args, 0), { type: 'tick', elapsedMs: Number(args[1]) }),
  pass: (box, args) => pass(box, Number(args[0])),
  timeout: (box, args) => timeOut(box, idAt(args, 0)),
  elect: (box, args) => elect(box, idAt(args, 0)),
  propose: (box, args) => box.propose(idAt(args, 0), args.slice(1)),
  'propose-marked': (box, args) => box.proposeMarked(idAt(args, 0), args.slice(1)),
  read: (box, args) => box.read(idAt(args, 0)),
  change,
  transfer: (box, args) => box.transfer(idAt(args, 0), args[1] === undefined ? null : idAt(args, 1)),
  deliver,
  settle,
  drop,
  copy: (box, args) => void box.wire.push(...box.wire.filter(onLink(args[0])).slice(0, 1)),
  cut: (box, args) => {
    for (const link of args) box.cutLinks.add(link);
  },
  mend: (box) => box.cutLinks.clear(),
  isolate: (box, args) => {
    for (const id of args) box.isolated.add(sandboxId(id));
  },
  heal: (box) => box.isolated.clear(),
  'hold-disk': (box, args) => {
    box.node(idAt(args, 0)).isDiskHeld = true;
  },
  sync: (box, args) => box.sync(idAt(args, 0), Number(args[1] ?? Number.POSITIVE_INFINITY)),
  'free-disk': (box, args) => {
    box.sync(idAt(args, 0), Number.POSITIVE_INFINITY);
    box.node(idAt(args, 0)).isDiskHeld = false;
  },
  'hold-reads': (box, args) => {
    box.node(idAt(args, 0)).areReadsHeld = true;
  },
  'free-reads': (box, args) => {
    box.node(idAt(args, 0)).areReadsHeld = false;
    box.finishReads(idAt(args, 0));
  },
  crash: (box, args) => {
    const torn = tornOf(optionsOf(args).get('torn'));
    for (const id of args.filter((arg) => !arg.includes('='))) box.crash(sandboxId(id), torn);
  },
  restart: (box, args) => {
    for (const id of args) box.restart(sandboxId(id));
  },
  wipe: (box, args) => box.wipe(idAt(args, 0)),
  lost: (box, args) => lose(box, idAt(args, 0), idAt(args, 1)),
  dialect: (box, args) =>
    box.input(idAt(args, 0), {
      type: 'dialect',
      peer: idAt(args, 1),
      dialect: args[2] === 'original' ? 'original' : 'extended',
    }),
  send,
  answer,
  given,
};

const ROUNDS_MAX = 1_000;
const TICK_MS = 5;

function pass(box: Sandbox, elapsedMs: number): void {
  for (let passed = 0; passed < elapsedMs; passed += TICK_MS) {
    for (const id of box.nodes.keys()) box.input(id, { type: 'tick', elapsedMs: TICK_MS });
    settle(box);
  }
}

function timeOut(box: Sandbox, id: NodeId): void {
  const { core } = box.node(id);
  while (core.nowMs + TICK_MS < core.electionDeadlineMs) box.input(id, { type: 'tick', elapsedMs: TICK_MS });
  box.input(id, { type: 'tick', elapsedMs: TICK_MS });
}

/** Whoever heard of a leader a moment ago would refuse a pre-vote, so that time must pass for the others first. */
function elect(box: Sandbox, id: NodeId): void {
  for (const { core } of box.nodes.values()) {
    if (core.options.id === id || core.leaderContactMs === null || core.role !== 'follower') continue;
    const elapsedMs = core.leaderContactMs + ELECTION_TIMEOUT_MS_MIN - core.nowMs;
    if (elapsedMs > 0) box.input(core.options.id, { type: 'tick', elapsedMs });
  }
  timeOut(box, id);
  settle(box);
}

function settle(box: Sandbox): void {
  for (let round = 0; box.wire.length > 0; round++) {
    if (round > ROUNDS_MAX) throw new Error('The cluster never falls silent');
    deliver(box, []);
  }
}

function deliver(box: Sandbox, args: readonly string[]): void {
  const [link, which] = args;
  if (link === undefined) {
    for (let count = box.wire.length; count > 0; count--) box.deliver(0);
    return;
  }
  const match = onLink(link);
  const position = which === 'last' ? box.wire.findLastIndex(match) : box.wire.findIndex(match);
  if (position === -1) throw new Error(`There is no message ${link} to deliver`);
  box.deliver(position);
}

function drop(box: Sandbox, args: readonly string[]): void {
  const match = onLink(args[0]);
  const kept = box.wire.filter((message) => !match(message));
  box.wire.splice(0, box.wire.length, ...kept);
}

function lose(box: Sandbox, from: NodeId, to: NodeId): void {
  const [requestId] = box.node(from).core.peers.get(to)?.flights.keys() ?? [];
  if (requestId === undefined) throw new Error(`No request is under way from ${from} to ${to}`);
  box.input(from, { type: 'lost', to, requestId });
}

function change(box: Sandbox, args: readonly string[]): void {
  const options = optionsOf(args);
  const ids = (name: string): NodeId[] => (options.get(name) ?? '').split(',').filter(Boolean).map(sandboxId);
  const expect = options.get('expect');
  box.change(
    idAt(args, 0),
    { voters: ids('voters'), learners: ids('learners') },
    {
      expectIndex: expect === undefined ? null : logIndex(Number(expect)),
      isForced: options.get('forced') === 'yes',
    },
  );
}

function send(box: Sandbox, args: readonly string[]): void {
  const [link, kind = '', ...rest] = args;
  const { from, to } = linkOf(link);
  const options = optionsOf(rest);
  const requestId = Number(options.get('id') ?? 9_000);
  box.input(to, { type: 'receive', from, requestId, message: messageOf(kind, from, options) });
}

function answer(box: Sandbox, args: readonly string[]): void {
  const { from, to } = linkOf(args[0]);
  const position = box.wire.findIndex(onLink(`${to}->${from}`));
  const [request] = position === -1 ? [] : box.wire.splice(position, 1);
  if (request === undefined || !isRequest(request.message)) throw new Error(`Nothing asks ${from}`);
  const options = optionsOf(args);
  const answerTerm = options.has('term') ? termOf(options) : box.node(to).core.currentTerm;
  const message = originalAnswer(request.message, args[1], answerTerm);
  box.input(to, { type: 'receive', from, requestId: request.requestId, message });
}

function given(box: Sandbox, args: readonly string[]): void {
  const options = optionsOf(args.slice(1));
  const vote = options.get('vote');
  box.given(idAt(args, 0), {
    hardState: {
      currentTerm: termOf(options),
      votedFor: vote === undefined ? null : sandboxId(vote),
      abstainThrough: logIndex(Number(options.get('abstain') ?? 0)),
    },
    entries: entriesOf(options.get('log')),
  });
}

function onLink(link: string | undefined): (message: InTransit) => boolean {
  return (message) => link === undefined || `${message.from}->${message.to}` === link;
}

function tornOf(text: string | undefined): Torn {
  switch (text) {
    case undefined:
      return 'nothing';
    case 'hard-state':
    case 'truncation':
    case 'first-entry':
      return text;
    default:
      throw new Error(`Not a part of a write: ${text}`);
  }
}

function idAt(args: readonly string[], position: number): NodeId {
  return sandboxId(args[position] ?? '');
}

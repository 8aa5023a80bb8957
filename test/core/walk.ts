import { present } from '../../src/lib/assert.ts';
import { logIndex, type NodeId } from '../../src/lib/brands.ts';
import { utf8 } from '../../src/lib/bytes.ts';
import { membersOf } from '../../src/lib/configuration.ts';
import { createPrng, nextChance, nextInteger, type Prng } from '../../src/lib/prng.ts';
import { describeCore, describeEffects } from './describe.ts';
import type { Torn } from './disk.ts';
import { Invariants } from './invariants.ts';
import { randomPast } from './past.ts';
import { Sandbox, type SandboxNode, sandboxId } from './sandbox.ts';

/** A cluster on which a seed plays, with everything that the steps draw from. */
interface World {
  readonly box: Sandbox;
  readonly invariants: Invariants;
  readonly prng: Prng;
  readonly ids: readonly NodeId[];
  /** Whether members change and leaders hand over. */
  readonly isChanging: boolean;
  /** The one node whose disk may lose what was acknowledged; the others must make up for it. */
  readonly victim: NodeId | undefined;
  proposals: number;
}

type Action = (world: World) => void;

/** What may happen next, and how often beside the rest. */
const ACTIONS: readonly (readonly [number, Action])[] = [
  [60, deliverSome],
  [14, tickAll],
  [6, tickOne],
  [1, sleep],
  [4, dropOne],
  [3, duplicateOne],
  [1, crashOne],
  [2, crashLeader],
  [5, restartOne],
  [2, holdDisk],
  [5, syncOne],
  [3, freeDisk],
  [1, holdReads],
  [2, freeReads],
  [8, propose],
  [10, read],
  [1, loseFlight],
  [1, cutLink],
  [3, isolateLeader],
  [2, split],
  [1, mend],
  [6, electAnother],
  [1, damage],
  [3, changeMembers],
  [4, transfer],
];

const WEIGHTS = ACTIONS.reduce((sum, [weight]) => sum + weight, 0);
const WIRE_MAX = 80;
const CLUSTER_SIZES = [1, 2, 3, 3, 3, 5, 5];
const TORN: readonly Torn[] = ['nothing', 'hard-state', 'truncation', 'first-entry'];

/**
 * Plays `steps` random steps, then repairs everything and demands that the cluster gets well: one leader, and every
 * log the same. Throws where a property does not hold. Returns what was seen, and a transcript where it is wanted.
 */
export function walk(
  seed: number,
  steps: number,
  note: (line: string) => void = () => {},
): Invariants['seen'] {
  const world = createWorld(seed, note);
  for (let i = 0; i < steps; i++) takeStep(world);
  recover(world);
  return world.invariants.seen;
}

function createWorld(seed: number, note: (line: string) => void): World {
  const prng = createPrng(seed);
  const size = CLUSTER_SIZES[nextInteger(prng, 0, CLUSTER_SIZES.length - 1)] ?? 3;
  const isChanging = nextChance(prng, 0.5);
  const spares = isChanging ? nextInteger(prng, 1, 3) : 0;
  const ids = Array.from({ length: size + spares }, (_, i) => sandboxId(String(i + 1)));
  const [initial, spare] = [ids.slice(0, size), ids.slice(size)];
  const invariants = new Invariants(() => box.nodes);
  const box = new Sandbox({
    ids: initial,
    spare,
    originals: [],
    unknown: [],
    appendsInFlightMax: nextInteger(prng, 1, 3),
    windowBytesMax: nextChance(prng, 0.5) ? 1 : 1024 * 1024,
    appendEntriesMax: pick(prng, [1, 1, 2, 4]),
    keepsCommitHints: nextChance(prng, 0.5),
    seed: String(seed),
    observer: {
      stepped: (node, effects, isWaiting) => {
        for (const line of describeEffects(node.id, effects, isWaiting)) note(line);
        invariants.stepped(node, effects);
      },
      written: (node, write) => invariants.written(node, write),
      sent: (node, outgoing) => invariants.sent(node, outgoing),
    },
  });
  if (nextChance(prng, 0.5)) {
    for (const [id, durable] of randomPast(prng, initial)) box.given(id, durable);
  }
  const victim = size >= 3 && !isChanging && nextChance(prng, 0.3) ? pick(prng, ids) : undefined;
  return { box, invariants, prng, ids, isChanging, victim, proposals: 0 };
}

function takeStep(world: World): void {
  let ticket = nextInteger(world.prng, 1, WEIGHTS);
  for (const [weight, action] of ACTIONS) {
    ticket -= weight;
    if (ticket <= 0) {
      action(world);
      return;
    }
  }
}

const RECOVERY_MS = 3_000;
const TICK_MS = 5;

/** Once every fault is repaired, the cluster must serve again: nothing may be stuck for ever. */
function recover(world: World): void {
  const { box, ids } = world;
  mend(world);
  for (const node of box.nodes.values()) {
    if (!node.isUp) box.restart(node.id);
    freeNode(box, node);
  }
  passTime(box, RECOVERY_MS);
  // Who was told on the way that it is no member any more has stopped.
  const [leader, ...others] = upNodes(box).filter(({ core }) => core.role === 'leader');
  if (leader === undefined || others.length > 0) throw stuck(box, 'It has not one leader');
  // A node abstains until a leader has carried its log past what it lost, so that the log must grow that far.
  const lostThrough = Math.max(...ids.map((id) => box.node(id).core.abstainThrough));
  do {
    proposeAt(world, leader.id, `the command after ${leader.core.log.lastIndex}`);
    passTime(box, RECOVERY_MS / 10);
  } while (leader.core.commitIndex < lostThrough && leader.core.role === 'leader');
  const last = leader.durable.entries.at(-1);
  const members = new Set(membersOf(leader.core.configuration).map(({ id }) => id));
  if (leader.core.configuration.oldVoters !== null) throw stuck(box, 'A change of members never ends');
  for (const id of ids) {
    const { core, durable } = box.node(id);
    if (!members.has(id)) continue;
    const own = durable.entries.at(-1);
    const agrees = own?.index === last?.index && own?.term === last?.term;
    if (!agrees || core.commitIndex !== last?.index) throw stuck(box, `Node ${id} has not caught up`);
    if (core.abstainThrough > 0) throw stuck(box, `Node ${id} abstains for ever`);
  }
  demandAnswers(world);
  if (world.isChanging) demandChange(world, leader);
}

/** Whoever asked a node that runs has an answer, and nothing is kept for a question that was answered. */
function demandAnswers({ box, invariants }: World): void {
  for (const node of upNodes(box)) {
    const { id, core } = node;
    const owed = invariants.unanswered(node);
    if (owed.length > 0) throw stuck(box, `Node ${id} owes an answer to ${owed.join()}`);
    const isClean =
      core.pendingProposals === 0 && core.proposals.size === 0 && core.heldProposals.length === 0;
    if (!isClean) throw stuck(box, `Node ${id} keeps proposals that are answered`);
    if (core.change !== null || core.transfer !== null) throw stuck(box, `Node ${id} never ends something`);
  }
}

/** A cluster that is well takes any members that are well, and tells those that it leaves out. */
function demandChange(world: World, leader: SandboxNode): void {
  const { box, prng, ids } = world;
  for (const { id, isUp } of box.nodes.values()) if (!isUp) box.restart(id);
  const voters = ids.filter(() => nextChance(prng, 0.5));
  if (voters.length === 0) return;
  const before = membersOf(leader.core.configuration);
  changeAt(world, leader.id, { voters, learners: [] }, false);
  passTime(box, RECOVERY_MS);
  demandAnswers(world);
  for (const id of voters) {
    const { core, isUp } = box.node(id);
    const own = core.configuration.voters.map((member) => member.id);
    if (!isUp || own.join() !== voters.join()) throw stuck(box, `Node ${id} should be of ${voters.join()}`);
  }
  const gone = before.filter(({ id }) => !voters.includes(id));
  for (const { id } of gone) if (box.node(id).isUp) throw stuck(box, `Node ${id} was never told to go`);
}

function passTime(box: Sandbox, elapsedMs: number): void {
  for (let passed = 0; passed < elapsedMs; passed += TICK_MS) {
    for (const id of box.nodes.keys()) box.input(id, { type: 'tick', elapsedMs: TICK_MS });
    for (let count = box.wire.length; count > 0; count--) box.deliver(0);
  }
}

function stuck(box: Sandbox, sentence: string): Error {
  const states = [...box.nodes.values()].map(({ core }) => describeCore(core));
  return new Error(`${sentence} after all is repaired:\n${states.join('\n')}`);
}

function deliverSome({ box, prng }: World): void {
  for (let count = nextInteger(prng, 1, 4); count > 0 && box.wire.length > 0; count--) {
    // Mostly in order, as on a network that is well.
    box.deliver(nextChance(prng, 0.6) ? 0 : nextInteger(prng, 0, box.wire.length - 1));
  }
  if (box.wire.length > WIRE_MAX) box.wire.splice(0, box.wire.length - WIRE_MAX);
}

function tickAll({ box, prng, ids }: World): void {
  for (const id of ids) box.input(id, { type: 'tick', elapsedMs: nextInteger(prng, 1, 15) });
}

function tickOne({ box, prng, ids }: World): void {
  box.input(pick(prng, ids), { type: 'tick', elapsedMs: nextInteger(prng, 1, 60) });
}

/** The process was asleep for longer than an election timeout. */
function sleep({ box, prng, ids }: World): void {
  box.input(pick(prng, ids), { type: 'tick', elapsedMs: nextInteger(prng, 101, 500) });
}

function dropOne({ box, prng }: World): void {
  if (box.wire.length > 0) box.wire.splice(nextInteger(prng, 0, box.wire.length - 1), 1);
}

function duplicateOne({ box, prng }: World): void {
  if (box.wire.length > 0) box.wire.push(pick(prng, box.wire));
}

function crashOne({ box, prng, ids }: World): void {
  box.crash(pick(prng, ids), pick(prng, TORN));
}

/** The worst moment for a leader to go is when it has begun something. */
function crashLeader({ box, prng }: World): void {
  const leader = upNodes(box).find(({ core }) => core.role === 'leader');
  if (leader !== undefined) box.crash(leader.id, pick(prng, TORN));
}

function restartOne({ box, prng }: World): void {
  const down = [...box.nodes.values()].filter(({ isUp }) => !isUp);
  if (down.length > 0) box.restart(pick(prng, down).id);
}

function holdDisk({ box, prng, ids }: World): void {
  box.node(pick(prng, ids)).isDiskHeld = true;
}

function syncOne({ box, prng, ids }: World): void {
  box.sync(pick(prng, ids), 1);
}

function freeDisk({ box, prng, ids }: World): void {
  const node = box.node(pick(prng, ids));
  box.sync(node.id, Number.POSITIVE_INFINITY);
  node.isDiskHeld = false;
}

function holdReads({ box, prng, ids }: World): void {
  box.node(pick(prng, ids)).areReadsHeld = true;
}

function freeReads({ box, prng, ids }: World): void {
  const node = box.node(pick(prng, ids));
  node.areReadsHeld = false;
  box.finishReads(node.id);
}

function freeNode(box: Sandbox, node: SandboxNode): void {
  node.areReadsHeld = false;
  box.finishReads(node.id);
  box.sync(node.id, Number.POSITIVE_INFINITY);
  node.isDiskHeld = false;
}

function propose(world: World): void {
  world.proposals++;
  proposeAt(world, target(world), `command ${world.proposals}`);
}

function proposeAt({ box, invariants }: World, id: NodeId, text: string): void {
  box.propose(id, [text], (proposalId) => invariants.proposes(proposalId, utf8(text), box.node(id)));
}

function read(world: World): void {
  const id = target(world);
  world.box.read(id, (readId) => world.invariants.reads(readId, world.box.node(id)));
}

/** Any members at all, as long as somebody votes. */
function changeMembers(world: World): void {
  const { prng, ids, isChanging } = world;
  if (!isChanging) return;
  const voters = ids.filter(() => nextChance(prng, 0.5));
  const learners = ids.filter((id) => !voters.includes(id) && nextChance(prng, 0.2));
  if (voters.length === 0) return;
  changeAt(world, target(world), { voters, learners }, nextChance(prng, 0.5));
}

function changeAt(
  { box, invariants }: World,
  id: NodeId,
  wanted: { readonly voters: readonly NodeId[]; readonly learners: readonly NodeId[] },
  isForced: boolean,
): void {
  box.change(id, wanted, { expectIndex: null, isForced }, (changeId) =>
    invariants.asks(changeId, box.node(id)),
  );
}

function transfer(world: World): void {
  const { box, invariants, prng, ids, isChanging } = world;
  if (!isChanging) return;
  const id = target(world);
  const to = nextChance(prng, 0.5) ? null : pick(prng, ids);
  box.transfer(id, to, (transferId) => invariants.asks(transferId, box.node(id)));
}

function loseFlight({ box, prng }: World): void {
  const flights = upNodes(box).flatMap(({ id, core }) =>
    [...core.peers].flatMap(([to, { flights }]) =>
      [...flights.keys()].map((requestId) => ({ id, to, requestId })),
    ),
  );
  if (flights.length === 0) return;
  const { id, to, requestId } = pick(prng, flights);
  box.input(id, { type: 'lost', to, requestId });
}

function cutLink({ box, prng, ids }: World): void {
  box.cutLinks.add(`${pick(prng, ids)}->${pick(prng, ids)}`);
}

/** A leader that takes commands and cannot copy them: its tail will part from the others'. */
function isolateLeader(world: World): void {
  const leader = upNodes(world.box).find(({ core }) => core.role === 'leader');
  if (leader === undefined) return;
  world.box.isolated.clear();
  world.box.isolated.add(leader.id);
  propose(world);
}

/** The network falls into two parts; mended when the dice say so. */
function split({ box, prng, ids }: World): void {
  const here = ids.filter(() => nextChance(prng, 0.5));
  for (const from of ids) {
    for (const to of ids) if (here.includes(from) !== here.includes(to)) box.cutLinks.add(`${from}->${to}`);
  }
}

/** The others' clocks run ahead, until they stand for election. */
function electAnother({ box, prng, ids }: World): void {
  const elapsedMs = nextInteger(prng, 20, 100);
  for (const id of ids) if (!box.isolated.has(id)) box.input(id, { type: 'tick', elapsedMs });
}

function mend({ box }: World): void {
  box.cutLinks.clear();
  box.isolated.clear();
}

/**
 * The victim's last frame is damaged when it starts: it is cut, and the node abstains (trap 28). Or all that it had is
 * gone (trap 29).
 */
function damage({ box, prng, victim }: World): void {
  if (victim === undefined) return;
  if (nextChance(prng, 0.2)) {
    box.wipe(victim);
    return;
  }
  box.crash(victim);
  const node = box.node(victim);
  const cut = node.durable.entries.at(-1);
  if (cut === undefined) return;
  const { hardState } = node.durable;
  const abstainThrough = logIndex(Math.max(hardState.abstainThrough, cut.index));
  node.durable = { hardState: { ...hardState, abstainThrough }, entries: node.durable.entries.slice(0, -1) };
}

/** Clients mostly know who leads, or believe to. */
function target({ box, prng, ids }: World): NodeId {
  const leaders = upNodes(box).filter(({ core }) => core.role === 'leader');
  return leaders.length > 0 && nextChance(prng, 0.9) ? pick(prng, leaders).id : pick(prng, ids);
}

function upNodes(box: Sandbox): readonly SandboxNode[] {
  return [...box.nodes.values()].filter(({ isUp }) => isUp);
}

function pick<T>(prng: Prng, from: readonly T[]): T {
  return present(from[nextInteger(prng, 0, from.length - 1)], 'a choice');
}

import { compareNodeIds, INDEX_ZERO, type NodeId, TERM_ZERO } from '../../lib/brands.ts';
import { RaftError } from '../../lib/errors.ts';
import { SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import {
  decodeIdentity,
  encodeIdentity,
  IDENTITY_FORMAT_VERSION,
  type IdentityPeer,
  type NodeIdentity,
} from '../../logfmt/identity.ts';
import { encodeState, type StateRecord } from '../../logfmt/records.ts';
import type { Disk } from '../ports.ts';
import { LOG_DIRECTORY, NODE_FILE, parseSegmentName, STATE_FILE } from './layout.ts';
import { readSmallFile, replaceFile } from './small-file.ts';

/** Who the caller says the node is. What is left out is taken as the data directory has it. */
interface WantedIdentity {
  readonly id: NodeId;
  readonly name?: string;
  /** A blank directory needs it. */
  readonly clusterId?: string;
  /** The initial configuration, this node included. A blank directory needs it, unless its node is to join a cluster. */
  readonly peers?: readonly IdentityPeer[];
  /** A blank directory becomes that of a node that is to join the cluster: nobody is a member as far as it knows. */
  readonly joins?: boolean;
  /** Random; taken where the directory is blank, and else the directory's own is kept. */
  readonly incarnation: string;
}

/** What a node knows of itself before its first term. */
const INITIAL_STATE: StateRecord = {
  currentTerm: TERM_ZERO,
  votedFor: null,
  abstainThrough: INDEX_ZERO,
};

/** How a data directory is named to the user, and what may be done with a blank one. */
export interface DirectoryOptions {
  readonly directory: string;
  readonly identity: WantedIdentity;
  /**
   * `refuse` where the caller knows that the node has already been part of its cluster: its votes and entries are gone
   * then, and under its old id it would vote and acknowledge a second time (correctness: trap 29).
   */
  readonly blankDirectory: 'initialize' | 'refuse';
}

/**
 * The identity that a data directory has, which wins over what the caller says; a blank one gets the caller's, durably.
 * Errors: `configuration` where the two disagree; `damaged` where the directory is blank and may not be, or is not whole.
 */
export async function establishIdentity(disk: Disk, options: DirectoryOptions): Promise<NodeIdentity> {
  const bytes = await readSmallFile(disk, NODE_FILE, SMALL_BODY_BYTES_MAX);
  if (bytes === undefined) return await initialize(disk, options);
  const decoded = decodeIdentity(bytes);
  if (decoded.type === 'damaged') {
    throw new RaftError('damaged', `${options.directory}/${NODE_FILE} is damaged: ${decoded.detail}.`, {
      suggestions: [
        'Restore the file from a backup; its peers, ids and name can be read with any editor.',
        'Or add this node to the cluster as a new one: with a new id and a blank data directory.',
      ],
    });
  }
  refuseDisagreement(decoded.value, options);
  return decoded.value;
}

/**
 * Makes a blank directory a node's. `node.json` comes last: where it stands, everything else is there, so a power loss
 * on the way leaves a directory that still counts as blank.
 */
async function initialize(disk: Disk, options: DirectoryOptions): Promise<NodeIdentity> {
  const { directory, identity: wanted } = options;
  await refuseUnlessBlank(disk, options);
  const peers = wanted.joins === true ? [] : wanted.peers;
  if (wanted.clusterId === undefined || peers === undefined) {
    throw new RaftError(
      'configuration',
      `${directory} is blank, and nothing says which cluster node ${wanted.id} is of.`,
      {
        suggestions: [
          `raft node run --id ${wanted.id} --data-dir ${directory} --peers ID=URL,ID=URL,…`,
          `raft node run --id ${wanted.id} --data-dir ${directory} --join URL-OF-A-MEMBER`,
        ],
      },
    );
  }
  const identity: NodeIdentity = {
    formatVersion: IDENTITY_FORMAT_VERSION,
    clusterId: wanted.clusterId,
    id: wanted.id,
    name: wanted.name ?? wanted.id,
    incarnation: wanted.incarnation,
    peers: inOrder(peers),
  };
  await disk.mkdir(LOG_DIRECTORY);
  await replaceFile(disk, STATE_FILE, encodeState(INITIAL_STATE));
  await replaceFile(disk, NODE_FILE, encodeIdentity(identity));
  return identity;
}

async function refuseUnlessBlank(disk: Disk, options: DirectoryOptions): Promise<void> {
  const { directory, identity } = options;
  if ((await disk.list(LOG_DIRECTORY)).some((name) => parseSegmentName(name) !== undefined)) {
    throw new RaftError(
      'damaged',
      `${directory} holds a log but no ${NODE_FILE}: it cannot say whose it is.`,
      {
        suggestions: [
          `raft log verify ${directory}   # says whether the log is whole`,
          `Restore ${NODE_FILE} and ${STATE_FILE} from a backup, or start with a blank data directory and a new id.`,
        ],
      },
    );
  }
  if (options.blankDirectory === 'initialize') return;
  throw new RaftError(
    'damaged',
    `${directory} is blank, but node ${identity.id} has been part of its cluster: its votes and entries are gone.`,
    {
      suggestions: [
        'Restore the data directory, if it was moved or not mounted.',
        'Or add this node to the cluster as a new one, with a new id: under its old id it could vote twice.',
      ],
    },
  );
}

function refuseDisagreement(found: NodeIdentity, options: DirectoryOptions): void {
  const { directory, identity: wanted } = options;
  if (found.id !== wanted.id) {
    throw new RaftError(
      'configuration',
      `${directory} belongs to node ${found.id}, not to node ${wanted.id}.`,
      {
        suggestions: [
          `Start it with --id ${found.id}, or give node ${wanted.id} a data directory of its own.`,
        ],
      },
    );
  }
  if (wanted.peers !== undefined && peersText(wanted.peers) !== peersText(found.peers)) {
    const message =
      `${directory} was made with --peers ${peersText(found.peers)}, ` +
      `and is started with --peers ${peersText(wanted.peers)}.`;
    throw new RaftError('configuration', message, {
      suggestions: [`Start it with --peers ${peersText(found.peers)}, or without --peers.`],
    });
  }
  if (wanted.clusterId !== undefined && found.clusterId !== wanted.clusterId) {
    const message = `${directory} belongs to cluster ${found.clusterId}, not to cluster ${wanted.clusterId}.`;
    throw new RaftError('configuration', message, {
      suggestions: ['Give the right --data-dir, or a blank one to join this cluster as a new node.'],
    });
  }
}

/** Peers as they are typed, in the order of their ids. */
function peersText(peers: readonly IdentityPeer[]): string {
  return inOrder(peers)
    .map((peer) => `${peer.id}=${peer.url}`)
    .join(',');
}

function inOrder(peers: readonly IdentityPeer[]): readonly IdentityPeer[] {
  return peers.toSorted((a, b) => compareNodeIds(a.id, b.id));
}

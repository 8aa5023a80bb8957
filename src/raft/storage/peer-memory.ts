import type { NodeId } from '../../lib/brands.ts';
import { asRaftError } from '../../lib/errors.ts';
import { MEMBERS_MAX, SMALL_BODY_BYTES_MAX } from '../../lib/limits.ts';
import { decodePeers, encodePeers } from '../../logfmt/peers-record.ts';
import type { Disk, PeerMemory } from '../ports.ts';
import { PEERS_FILE } from './layout.ts';
import { readSmallFile, replaceFile } from './small-file.ts';

/**
 * The `peers` file: which data directory each peer had when it answered first, so that a peer that comes back without its
 * data is recognised also after this node was restarted (correctness: trap 29). What cannot be read or written is
 * forgotten: it would only be found out anew.
 */
export class DiskPeerMemory implements PeerMemory {
  readonly #disk: Disk;
  readonly #known: Map<NodeId, string>;
  #saving: Promise<void> | undefined;
  #isChanged = false;
  #isClosed = false;
  /** Why the file is not what it should be, for people. */
  warning: string | undefined;

  private constructor(disk: Disk, known: ReadonlyMap<NodeId, string>) {
    this.#disk = disk;
    this.#known = new Map(known);
  }

  /** The memory as it was left. */
  static async open(disk: Disk): Promise<DiskPeerMemory> {
    const bytes = await readSmallFile(disk, PEERS_FILE, SMALL_BODY_BYTES_MAX);
    const decoded = bytes === undefined ? undefined : decodePeers(bytes);
    const memory = new DiskPeerMemory(disk, decoded?.type === 'value' ? decoded.value : new Map());
    if (decoded?.type === 'damaged') {
      memory.warning = `The file ${PEERS_FILE} is damaged (${decoded.detail}): which data the peers had is found out anew.`;
    }
    return memory;
  }

  recall(peer: NodeId): string | undefined {
    return this.#known.get(peer);
  }

  remember(peer: NodeId, incarnation: string): void {
    if (this.#known.get(peer) === incarnation || this.#known.size >= MEMBERS_MAX) return;
    this.#known.set(peer, incarnation);
    this.#save();
  }

  retain(peers: ReadonlySet<NodeId>): void {
    for (const peer of this.#known.keys()) {
      if (peers.has(peer)) continue;
      this.#known.delete(peer);
      this.#save();
    }
  }

  /** Ends once what was to be saved has been, or has failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#saving;
  }

  #save(): void {
    this.#isChanged = true;
    if (!this.#isClosed) this.#saving ??= this.#saveAll();
  }

  async #saveAll(): Promise<void> {
    try {
      while (this.#isChanged) {
        this.#isChanged = false;
        await replaceFile(this.#disk, PEERS_FILE, encodePeers(this.#known));
      }
    } catch (error) {
      this.warning = `The file ${PEERS_FILE} was not written: ${asRaftError(error).message}`;
    } finally {
      this.#saving = undefined;
    }
  }
}

import { askIdentity } from '../api/node-identity.ts';
import { nodeId, parseNodeId } from '../lib/brands.ts';
import { RaftError } from '../lib/errors.ts';
import type { PeerAddress } from '../raft/ports.ts';
import { type ClusterView, findKnown } from './cluster-view.ts';
import { askStatuses } from './statuses.ts';
import { parseNodeUrl, usage } from './values.ts';

/**
 * The node that a person means by `NODE=URL`, by a URL alone, whose node is asked for its id, or by NODE alone where its
 * address is known. NODE is a name or an id. Errors: `usage`, and those of `askIdentity`.
 */
export async function resolveAddress(view: ClusterView, text: string): Promise<PeerAddress> {
  const [node, url] = splitAddress(text);
  if (url === undefined) return knownAddress(view, text);
  if (node === undefined) return { id: await idAt(view, url), url };
  const known = findKnown(view, node)?.id ?? parseNodeId(node);
  if (known !== undefined) return { id: nodeId(known), url };
  const [status] = await askStatuses([url]);
  if (status?.name === node) return { id: nodeId(status.id), url };
  throw usage(
    `Which node "${node}" is cannot be said: no node of this cluster, nor the one at ${url}, is called so.`,
    [`Name it by its id, or let it say its id itself: ${url}`],
  );
}

/** Each of `NODE=URL`, URL or NODE as its parts. Throws `usage` for a URL that is none. */
function splitAddress(text: string): readonly [node: string | undefined, url: string | undefined] {
  if (/^https?:\/\//.test(text)) return [undefined, parseNodeUrl(text)];
  const separator = text.indexOf('=');
  if (separator === -1) return [text, undefined];
  if (separator === 0) throw usage(`This needs NODE=URL or a URL; it got "${text}".`);
  return [text.slice(0, separator), parseNodeUrl(text.slice(separator + 1))];
}

function knownAddress(view: ClusterView, text: string): PeerAddress {
  const known = findKnown(view, text);
  if (known !== undefined && known.url !== '') return { id: nodeId(known.id), url: known.url };
  throw usage(`Nobody knows the address of "${text}".`, [`Give it: ${text}=http://HOST:PORT`]);
}

/** A member that is down cannot say its id, but its address says which member it is. */
async function idAt(view: ClusterView, url: string): Promise<PeerAddress['id']> {
  try {
    return (await askIdentity(url)).id;
  } catch (error) {
    const member = view.source?.members.find((each) => each.url === url);
    const isDown = error instanceof RaftError && error.code === 'unreachable';
    if (!isDown || member === undefined) throw error;
    return nodeId(member.id);
  }
}

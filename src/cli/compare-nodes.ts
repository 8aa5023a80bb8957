import { compareNodeIds, parseNodeId } from '../lib/brands.ts';

/** A node as far as it is known. */
interface SomeNode {
  readonly id: string | null;
  readonly name: string | null;
  readonly url?: string | null;
}

/** The order in which nodes are listed: by names where both have one, numbers in them as numbers; else by ids. */
export function compareNodes(a: SomeNode, b: SomeNode): number {
  if (a.name !== null && b.name !== null) return a.name.localeCompare(b.name, 'en', { numeric: true });
  const [left, right] = [parseNodeId(a.id ?? ''), parseNodeId(b.id ?? '')];
  if (left !== undefined && right !== undefined) return compareNodeIds(left, right);
  return (a.url ?? '') < (b.url ?? '') ? -1 : 1;
}

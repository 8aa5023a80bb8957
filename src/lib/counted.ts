/** A count and its noun: `1 entry`, `2 entries`. `many` is `one` with an s unless given. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${nounFor(count, one, many)}`;
}

/** The noun alone, for a count that is written in a way of its own. */
export function nounFor(count: number | bigint, one: string, many = `${one}s`): string {
  return Number(count) === 1 ? one : many;
}

/** Throws a sentence that says which property does not hold. */
export function check(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
}

/** What oclif says of one mistake in a command line, and what is said in its place; the groups of the pattern are `found`. */
interface Rewording {
  readonly pattern: RegExp;
  readonly words: (...found: readonly string[]) => string;
}

const MISSING_FLAG = /^Missing required flag (\S+)$/;

const REWORDINGS: readonly Rewording[] = [
  {
    pattern: /^--(\S+?)=.* cannot also be provided when using --(\S+)$/,
    words: (one = '', other = '') => `--${other} and --${one} cannot be given together`,
  },
  {
    pattern: /^All of the following must be provided when using (--\S+): (.+)$/,
    words: (flag = '', needed = '') => `${flag} needs ${needed} beside it`,
  },
  {
    pattern: /^Expected (--\S+?)=(.*) to be one of: (.+)$/s,
    words: (flag = '', got = '', options = '') => `${flag}: This needs one of ${options}; it got "${got}"`,
  },
  { pattern: /^Flag (--\S+) expects a value$/, words: (flag = '') => `${flag} needs a value` },
  { pattern: /^Nonexistent flag: (.+)$/s, words: (flag = '') => `There is no flag ${flag}` },
  { pattern: /^Nonexistent flags: (.+)$/s, words: (flags = '') => `There are no flags ${flags}` },
];

/** What oclif says of a command line, one mistake a line, in the words of this program; what it does not know stays. */
export function inOwnWords(message: string): string {
  // A value that was typed may have lines of its own: then all of them are about one mistake.
  const whole = reworded(message);
  if (whole !== undefined) return whole;
  const lines = message.split('\n').map((line) => line.trim());
  const missing = lines.flatMap((line) => MISSING_FLAG.exec(line)?.[1] ?? []).map((name) => `--${name}`);
  const others = lines.filter((line) => !MISSING_FLAG.test(line));
  if (missing.length === 0 && others.every((line) => reworded(line) === undefined)) return message;
  const parts = others.map((line) => reworded(line) ?? line);
  return [...(missing.length === 0 ? [] : [somethingMissing(missing)]), ...parts].join('. ');
}

/** What was to be given and was not, by the names that the help gives it. */
export function somethingMissing(names: readonly string[]): string {
  return `Something is missing: ${names.join(', ')}`;
}

function reworded(text: string): string | undefined {
  for (const { pattern, words } of REWORDINGS) {
    const found = pattern.exec(text);
    if (found !== null) return words(...found.slice(1));
  }
  return undefined;
}

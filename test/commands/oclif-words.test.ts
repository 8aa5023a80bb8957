import { describe, expect, it } from 'vitest';
import { failureOf } from '../../src/cli/failure.ts';
import { inOwnWords } from '../../src/cli/oclif-words.ts';

/** An error as oclif's parser throws it. */
function oclifError(message: string): Error {
  return Object.assign(new Error(message), { oclif: { exit: 2 } });
}

describe('what oclif says of a command line', () => {
  it.each([
    ['Missing required flag when', 'Something is missing: --when'],
    ['Missing required flag id\n  Missing required flag data-dir', 'Something is missing: --id, --data-dir'],
    [
      'Missing required flag id\n  --a=true cannot also be provided when using --b',
      'Something is missing: --id. --b and --a cannot be given together',
    ],
    ['--apply=true cannot also be provided when using --plan', '--plan and --apply cannot be given together'],
    [
      'All of the following must be provided when using --learner: --join',
      '--learner needs --join beside it',
    ],
    ['Expected --kind=a\nb to be one of: x, y', '--kind: This needs one of x, y; it got "a\nb"'],
    ['Flag --nodes expects a value', '--nodes needs a value'],
    ['Nonexistent flag: --foo', 'There is no flag --foo'],
    ['Nonexistent flags: --foo, --bar', 'There are no flags --foo, --bar'],
    ['Unexpected argument: b', 'Unexpected argument: b'],
    ['Something\nelse', 'Something\nelse'],
  ])('is said in our own words: %j', (message, words) => {
    expect(inOwnWords(message)).toBe(words);
  });

  it('has no frame of the library around it, and is a sentence', () => {
    const error = oclifError(
      'The following error occurred:\n  Missing required flag when\nSee more help with --help',
    );

    expect(failureOf(error)).toMatchObject({ exitCode: 2, message: 'Something is missing: --when.' });
  });
});

import { describe, expect, it } from 'vitest';
import { commandNames, unknownCommand } from '../../src/cli/unknown-command.ts';

const ROOT = new URL('../../', import.meta.url);

describe('a command line without a command', () => {
  it.each([
    [['comand', 'put a b'], 'There is no command "comand".', 'Did you mean raft command?'],
    [['log', 'verfy', 'x'], 'There is no command "log verfy".', 'Did you mean raft log verify?'],
    [['lgo', 'verify', 'x'], 'There is no command "lgo".', 'Did you mean raft log verify?'],
    [['clustr', 'up'], 'There is no command "clustr".', 'Did you mean raft cluster up?'],
    [['clustr'], 'There is no command "clustr".', 'Did you mean raft cluster?'],
  ])('names the first words that can be one, and what is nearest: %j', async (words, message, meant) => {
    const error = unknownCommand(words, await commandNames(ROOT));

    expect(error).toMatchObject({ code: 'usage', message });
    expect(error.suggestions[0]).toBe(meant);
  });

  it('names what is too much behind a command that takes nothing', async () => {
    const commands = await commandNames(ROOT);

    expect(unknownCommand(['status', 'nonsense'], commands)).toMatchObject({
      message: 'Unexpected argument: nonsense.',
      suggestions: ['raft status --help   # says what it takes'],
    });
    expect(unknownCommand(['cluster', 'status', 'a', 'b c'], commands).message).toBe(
      'Unexpected arguments: a, "b c".',
    );
  });

  it('guesses nothing where nothing is near, and says where the names are', async () => {
    const commands = await commandNames(ROOT);

    expect(unknownCommand(['nonsense'], commands).suggestions).toEqual([
      'raft --help   # names the commands that there are',
    ]);
    expect(unknownCommand(['log', 'nonsense'], commands).suggestions).toEqual([
      'raft log --help   # names the commands that there are',
    ]);
    expect(unknownCommand(['x'.repeat(100_000)], commands).message.length).toBeLessThan(100);
  });
});

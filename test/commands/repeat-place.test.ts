import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placeIn, repeatPlace } from '../../src/cli/repeat-place.ts';

describe('what is to be typed next', () => {
  const DIR = { dir: '/clusters/one' };
  const SERVER = { server: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] };

  it('has the directory that the user gave, behind the command and before what is said about it', () => {
    expect(repeatPlace('raft leader show', DIR)).toBe('raft leader show --dir /clusters/one');
    expect(repeatPlace('See which nodes answer: raft status', DIR)).toBe(
      'See which nodes answer: raft status --dir /clusters/one',
    );
    expect(repeatPlace('raft config get   # names the members', DIR)).toBe(
      'raft config get --dir /clusters/one   # names the members',
    );
    expect(repeatPlace('raft status', { dir: 'a b' })).toBe(`raft status --dir '${resolve('a b')}'`);
  });

  it('has it behind each command of a line', () => {
    expect(repeatPlace('raft config remove 7   # then add it again: raft config add URL', DIR)).toBe(
      'raft config remove 7 --dir /clusters/one   # then add it again: raft config add URL --dir /clusters/one',
    );
  });

  it('has the default directory too where the user has typed it: without it RAFT_SERVER would be asked', () => {
    expect(repeatPlace('raft config get', { dir: 'raft-data' })).toBe(
      `raft config get --dir ${resolve('raft-data')}`,
    );
  });

  it('has the servers that the user gave, where the command takes them', () => {
    expect(repeatPlace('raft config get   # names the members', SERVER)).toBe(
      'raft config get --server http://127.0.0.1:1,http://127.0.0.1:2   # names the members',
    );
    const make = 'Start a cluster: raft cluster up -n 5';
    expect(repeatPlace(make, SERVER)).toBe(make);
  });

  it('has no command that needs a cluster directory where the user gave servers', () => {
    expect(repeatPlace('Start those that are down: raft cluster start NODE', SERVER)).toBe(
      'Start those that are down.',
    );
  });

  it('has the members that a node was to join', () => {
    const place = placeIn({ 'data-dir': 'node6', join: SERVER.server });
    expect(repeatPlace('See which nodes answer: raft status', place)).toBe(
      'See which nodes answer: raft status --server http://127.0.0.1:1,http://127.0.0.1:2',
    );
    expect(placeIn({ dir: '/clusters/one', timeout: 3 })).toEqual(DIR);
    expect(placeIn({ json: true })).toEqual({});
  });

  it('stays as it is where it says a place, is no command on a cluster, or the user gave none', () => {
    const lines = [
      'Go on with it: raft cluster up --dir /clusters/two',
      'raft log verify /clusters/one/node1   # names all damage',
      'raft node run --id 1 --data-dir DIR --join URL-OF-A-MEMBER',
      'Or say it: --committed INDEX',
      'Give the right --data-dir.',
    ];
    for (const line of lines) expect(repeatPlace(line, DIR)).toBe(line);
    expect(repeatPlace('raft status', {})).toBe('raft status');
  });
});

import { describe, expect, it } from 'vitest';
import {
  parseHostPort,
  parseId,
  parseNodeUrl,
  parseNodeUrls,
  parsePeers,
  parseWholeNumber,
} from '../../src/cli/values.ts';
import { MEMBERS_MAX } from '../../src/lib/limits.ts';

const refused = { code: 'usage', message: expect.stringMatching(/\.$/) };

describe('a value on the command line', () => {
  it('that is a whole number is within its limits', () => {
    expect(parseWholeNumber('5', { min: 1, max: 5 })).toBe(5);
    for (const text of ['0', '6', '-1', '1.5', '1e0', '', ' 1', '0x1', '99999999999999999999']) {
      expect(() => parseWholeNumber(text, { min: 1, max: 5 }), text).toThrow(
        expect.objectContaining(refused),
      );
    }
  });

  it('that is an id is a uint64, exactly as it was typed', () => {
    for (const text of ['1', '13529762455909600464', '18446744073709551615'])
      expect(parseId(text)).toBe(text);
    for (const text of ['0', '01', '-1', '18446744073709551616', 'node1', '']) {
      expect(() => parseId(text), text).toThrow(expect.objectContaining(refused));
    }
  });

  it('that is a place to listen is a host and a port', () => {
    expect(parseHostPort('127.0.0.1:7600')).toEqual({ host: '127.0.0.1', port: 7600 });
    expect(parseHostPort('[::1]:80')).toEqual({ host: '::1', port: 80 });
    expect(parseHostPort('localhost:0')).toEqual({ host: 'localhost', port: 0 });
    for (const text of [
      '7600',
      ':7600',
      'host',
      'host:',
      'host:65536',
      '::1:80',
      'http://host:80',
      'a b:80',
    ]) {
      expect(() => parseHostPort(text), text).toThrow(expect.objectContaining(refused));
    }
  });

  it('that is the address of a node is a plain http URL', () => {
    expect(parseNodeUrl('http://127.0.0.1:7600')).toBe('http://127.0.0.1:7600');
    expect(parseNodeUrl('http://node1.example:7600/')).toBe('http://node1.example:7600');
    expect(parseNodeUrls('http://a:1, http://b:2,http://a:1/')).toEqual(['http://a:1', 'http://b:2']);
    for (const text of [
      'https://a:1',
      'a:1',
      'http://',
      'http://a:1/path',
      'http://a:1?q',
      'http://u:p@a:1',
      '',
    ]) {
      expect(() => parseNodeUrl(text), text).toThrow(expect.objectContaining(refused));
    }
  });

  it('that names peers gives them in the order of their ids', () => {
    expect(parsePeers('18446744073709551615=http://b:2,9=http://a:1')).toEqual([
      { id: '9', url: 'http://a:1' },
      { id: '18446744073709551615', url: 'http://b:2' },
    ]);
    const many = Array.from({ length: MEMBERS_MAX + 1 }, (_, at) => `${at + 1}=http://a:${at + 1}`).join(',');
    for (const text of [
      '',
      '1',
      '=http://a:1',
      '1=',
      '1=http://a:1,1=http://b:2',
      '1=http://a:1,2=http://a:1',
      many,
    ]) {
      expect(() => parsePeers(text), text).toThrow(expect.objectContaining(refused));
    }
  });
});

import { RaftError } from '../lib/errors.ts';

/** A server's base URL, without a slash at the end. Throws a `RaftError` (`usage`) for what no node can have. */
export function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBase = url?.protocol === 'http:' && url.search === '' && url.hash === '' && url.username === '';
  if (isBase) return text.replace(/\/+$/, '');
  throw new RaftError('usage', `"${text}" is not the address of a server.`, {
    suggestions: ['Servers speak http: an address is like http://127.0.0.1:7600.'],
  });
}

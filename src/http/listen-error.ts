import { RaftError } from '../lib/errors.ts';

/** Why a server cannot listen, for its user. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): RaftError {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new RaftError('address-in-use', `Another process already listens on ${address}.`, {
        cause: error,
        suggestions: [`See which one: ss -ltnp 'sport = :${port}'`, 'Or choose another port.'],
      });
    case 'EACCES':
      return new RaftError('cannot-create', `This process may not listen on ${address}.`, {
        cause: error,
        suggestions: ['Choose a port of 1024 or above.'],
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new RaftError('cannot-create', `${host} is no address of this machine.`, {
        cause: error,
        suggestions: ['Listen on 127.0.0.1, or on 0.0.0.0 for every address of this machine.'],
      });
    default:
      return new RaftError('cannot-create', `Cannot listen on ${address}: ${error.message}.`, {
        cause: error,
      });
  }
}

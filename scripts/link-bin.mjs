/**
 * Puts `raft` where `npx raft` looks first in this checkout. npm links the binaries of dependencies, never the
 * package's own: without this, npx would install the checkout into a cache of its own before it ran it.
 */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';

const BIN = new URL('../node_modules/.bin/', import.meta.url);

// On Windows, npx finds its way by a shim that only npm can write.
if (process.platform !== 'win32') {
  mkdirSync(BIN, { recursive: true });
  rmSync(new URL('raft', BIN), { force: true });
  symlinkSync('../../bin/run.js', new URL('raft', BIN));
}

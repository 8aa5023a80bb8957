import fc from 'fast-check';
import { concatBytes } from '../../src/lib/bytes.ts';
import { encodeRawFrame } from '../../src/logfmt/frame.ts';

/** Frames of any uint64, marks of the protocol with any body, commands of the key-value machine, zeros, noise. */
const command = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 60 }),
  fc
    .tuple(fc.nat({ max: 5 }), fc.uint8Array({ maxLength: 70 }))
    .map(([kind, body]) => Uint8Array.of(0x89, 0x52, 0x41, 0x46, 0x54, 0x0d, 0x0a, 0x1a, kind, ...body)),
  fc
    .constantFrom('put a/b 1', 'delete a/b', 'put __proto__ x', '{"op":"list"}', '{"op":')
    .map((text) => Buffer.from(text)),
);

const uint64 = fc.oneof(fc.bigInt({ min: 1n, max: 9n }), fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }));

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.record({ index: uint64, term: uint64, command }).map(encodeRawFrame) },
  fc.uint8Array({ maxLength: 60 }),
  fc.nat({ max: 700 }).map((length) => new Uint8Array(length)),
);

/** Entries in their order, so that tools get past the first one, between whatever else there is. */
const run = fc
  .array(command, { maxLength: 8 })
  .map((commands) =>
    concatBytes(commands.map((each, i) => encodeRawFrame({ index: BigInt(i + 1), term: 1n, command: each }))),
  );

/** A file of any bytes at all, of which a tool may get past the beginning. */
export const anyBytes: fc.Arbitrary<Uint8Array> = fc
  .tuple(run, fc.array(piece, { maxLength: 8 }))
  .map(([good, rest]) => concatBytes([good, ...rest]));

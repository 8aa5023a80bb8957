import fc from 'fast-check';
import { concatBytes } from '../../src/lib/bytes.ts';

/** One damage of a file, at a place and of an extent that are drawn. */
export type Damage =
  | { readonly type: 'flip'; readonly place: number; readonly bit: number }
  | { readonly type: 'cut' | 'zeros' | 'repeat'; readonly place: number; readonly length: number }
  | { readonly type: 'insert'; readonly place: number; readonly bytes: Uint8Array };

const place = fc.nat();

/** Any damage: a flipped bit; bytes that are cut out, zeroed, put in, or stand twice. */
export const arbitraryDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ type: fc.constant('flip' as const), place, bit: fc.nat({ max: 7 }) }),
  fc.record({
    type: fc.constantFrom('cut' as const, 'zeros' as const, 'repeat' as const),
    place,
    length: fc.integer({ min: 1, max: 1200 }),
  }),
  fc.record({
    type: fc.constant('insert' as const),
    place,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 80 }),
  }),
);

/** The bytes after a damage. */
export function damaged(bytes: Uint8Array, damage: Damage): Uint8Array {
  const at = bytes.length === 0 ? 0 : damage.place % bytes.length;
  switch (damage.type) {
    case 'flip':
      return bytes.map((byte, i) => (i === at ? byte ^ (1 << damage.bit) : byte));
    case 'cut':
      return concatBytes([bytes.subarray(0, at), bytes.subarray(at + damage.length)]);
    case 'zeros':
      return bytes.slice().fill(0, at, at + damage.length);
    case 'repeat':
      return concatBytes([bytes.subarray(0, at + damage.length), bytes.subarray(at)]);
    case 'insert':
      return concatBytes([bytes.subarray(0, at), damage.bytes, bytes.subarray(at)]);
  }
}

import wabt from 'wabt';

const BASE64_LINE_CHARACTERS = 96;

/** A module's text as the bytes that are run. */
export async function assembled(wat: string): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const module = parseWat('fold.wat', wat, { simd: true, bulk_memory: true });
  module.resolveNames();
  module.validate();
  return module.toBinary({}).buffer;
}

/** The text of src/logfmt/fold-module.ts with these bytes. */
export function foldModuleText(bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${BASE64_LINE_CHARACTERS}}`, 'g')) ?? [];
  return [
    '/** fold.wat, assembled, in base64. Written by `npx tsx scripts/fold-module.ts`. */',
    'export const FOLD_MODULE: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

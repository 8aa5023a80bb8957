/** A text that is broken into lines in the source only: as one paragraph, which help breaks where the terminal ends. */
export function prose(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: parts }, ...values)
    .replaceAll(/\s+/g, ' ')
    .trim();
}

import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents, proseOf, ROOT, readDocument } from './markdown.ts';

/** The links of a document that lead to a place in this checkout. */
function linksOf(markdown: string): readonly string[] {
  const targets = [...proseOf(markdown).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(
    ([, target = '']) => target,
  );
  return targets.filter((target) => !/^https?:/.test(target));
}

/** The anchors that a host of Markdown makes of the headings of a document. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...proseOf(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** What is wrong with a link, or undefined. */
function problemOf(document: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document : normalize(join(document, '..', path));
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) return `${target}: there is no ${file}`;
  if (anchor === undefined || anchorsOf(readDocument(file)).has(anchor)) return undefined;
  return `${target}: ${file} has no such heading`;
}

describe('every relative link', () => {
  for (const document of documents()) {
    it(`of ${document} leads somewhere`, () => {
      const links = linksOf(readDocument(document));
      expect(links.flatMap((target) => problemOf(document, target) ?? [])).toEqual([]);
    });
  }

  it('is looked at: there are many', () => {
    const links = documents().flatMap((document) => linksOf(readDocument(document)));
    expect(links.length).toBeGreaterThan(30);
  });

  it('that leads nowhere is found', () => {
    expect(problemOf('README.md', 'docs/NOWHERE.md')).toMatch('there is no');
    expect(problemOf('docs/HTTP.md', '../README.md#nowhere')).toMatch('no such heading');
    expect(problemOf('docs/HTTP.md', '#errors')).toBeUndefined();
  });
});

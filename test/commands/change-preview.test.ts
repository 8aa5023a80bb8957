import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PreviewPhase, type PreviewVoter, previewPhases, riskIn } from '../../src/cli/change-preview.ts';
import { previewText } from '../../src/cli/preview-text.ts';

/** Voters by number; those that are named as dead are not alive. */
function voters(ids: readonly number[], dead: readonly number[] = []): readonly PreviewVoter[] {
  return ids.map((id) => ({ id: String(id), name: `node${id}`, alive: !dead.includes(id) }));
}

const brief = (phases: readonly PreviewPhase[]) =>
  phases.map(({ phase, majorities, tolerates }) => ({
    phase,
    needs: majorities.map(({ needed, alive, voters: all }) => `${needed} of ${all.length}, ${alive} alive`),
    tolerates,
  }));

describe('the preview of a change', () => {
  it('of three to five has both majorities in its joint phase', () => {
    const phases = previewPhases(voters([1, 2, 3]), voters([1, 2, 3, 4, 5]));

    expect(brief(phases)).toEqual([
      { phase: 'C_old', needs: ['2 of 3, 3 alive'], tolerates: 1 },
      { phase: 'C_old,new', needs: ['2 of 3, 3 alive', '3 of 5, 5 alive'], tolerates: 1 },
      { phase: 'C_new', needs: ['3 of 5, 5 alive'], tolerates: 2 },
    ]);
    expect(riskIn(phases)).toBeUndefined();
  });

  it('that replaces a dead voter tolerates nothing before it is done', () => {
    const phases = previewPhases(voters([1, 2, 3], [3]), voters([1, 2, 4]));

    expect(phases.map(({ tolerates }) => tolerates)).toEqual([0, 0, 1]);
    expect(riskIn(phases)).toBeUndefined();
  });

  it('to voters of whom too few are alive is refused with the arithmetic', () => {
    const phases = previewPhases(voters([1, 2, 3], [2]), voters([1, 2, 4, 5, 6], [2, 4, 5]));

    expect(phases.map(({ tolerates }) => tolerates)).toEqual([0, null, null]);
    expect(riskIn(phases)).toMatchObject({
      code: 'quorum-at-risk',
      message:
        'C_new needs 3 of its 5 voters, and 2 are alive now: node2, node4, node5 are not heard of. Nothing was changed.',
    });
  });

  it('of learners alone has no joint phase, and is at no risk', () => {
    const phases = previewPhases(voters([1, 2, 3], [2, 3]), voters([1, 2, 3], [2, 3]));

    expect(phases.map(({ phase }) => phase)).toEqual(['C_old', 'C_new']);
    expect(riskIn(phases)).toBeUndefined();
  });

  it('tolerates as many failures as it says, whichever they are, and no more', () => {
    const someVoters = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(someVoters, someVoters, fc.array(fc.integer({ min: 1, max: 7 })), (before, after, dead) => {
        for (const { majorities, tolerates } of previewPhases(voters(before, dead), voters(after, dead))) {
          const alive = [...new Set([...before, ...after])].filter((id) => !dead.includes(id)).map(String);
          const decides = (failed: readonly string[]): boolean =>
            majorities.every(
              ({ voters: all, needed }) =>
                all.filter((voter) => voter.alive && !failed.includes(voter.id)).length >= needed,
            );
          expect(decides([])).toBe(tolerates !== null);
          const worst = subsets(alive)
            .filter((failed) => !decides(failed))
            .map((failed) => failed.length);
          if (tolerates !== null) expect(Math.min(...worst)).toBe(tolerates + 1);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is printed with a line for each majority, and whether it would go', () => {
    const phases = previewPhases(voters([1, 2, 3]), voters([2, 3, 10, 9], [9]));
    const text = previewText({ index: 7, phases, learners: [{ id: '4', name: null }], refusal: null });
    const cells = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));

    expect(cells).toContainEqual([
      '',
      'C_old,new',
      'C_old',
      'node1, node2, node3',
      '2 of 3',
      '3',
      '-',
      '0 failures',
      '',
    ]);
    expect(cells).toContainEqual([
      '',
      '',
      'C_new',
      'node2, node3, node9, node10',
      '3 of 4',
      '3',
      'node9',
      '',
      '',
    ]);
    expect(text).toMatch(/^From configuration 7:\n/);
    expect(text).toContain('Learners afterwards: 4. They do not vote.');
    expect(text).toMatch(/\nIt would go\. Nothing was changed\.$/);
  });

  it('says what stands in the way, or what --force would begin', () => {
    const phases = previewPhases(voters([1, 2, 3]), voters([4, 5], [4]));
    const preview = { index: 7, phases, learners: [] };
    const refusal = {
      code: 'quorum-at-risk',
      message: 'Too few.',
      suggestions: ['Start node4.'],
      exitCode: 3,
    } as const;

    expect(previewText({ ...preview, refusal })).toMatch(
      /\nIt would be refused: Too few\.\n {2}Start node4\.$/,
    );
    expect(previewText({ ...preview, refusal: null })).toContain('because of --force');
  });
});

function subsets(ids: readonly string[]): readonly (readonly string[])[] {
  const all: (readonly string[])[] = [[]];
  for (const id of ids) all.push(...all.map((each) => [...each, id]));
  return all;
}

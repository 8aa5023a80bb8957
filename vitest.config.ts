import { defineConfig } from 'vitest/config';

/** `.ci/run` names a file here, and finds the numbers of the run in it. */
const REPORT_FILE = process.env.TEST_REPORT_FILE;

/**
 * Two projects: `unit` runs in parallel and starts no cluster of processes; `process` does, one test file at a time,
 * because five nodes already fill two cores.
 */
export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    reporters: REPORT_FILE === undefined ? ['default'] : ['default', ['json', { outputFile: REPORT_FILE }]],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/process/**'] } },
      {
        extends: true,
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

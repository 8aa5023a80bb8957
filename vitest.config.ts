import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` runs in parallel and touches no process; `process` starts real clusters, one test file at a
 * time, because five nodes already fill two cores.
 */
export default defineConfig({
  test: {
    disableConsoleIntercept: true,
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

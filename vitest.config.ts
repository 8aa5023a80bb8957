import { defineConfig } from 'vitest/config';

/** `.ci/run` names a file here, and finds the numbers of the run in it. */
const REPORT_FILE = process.env.TEST_REPORT_FILE;

/** A test of the built program waits for other processes. */
const PATIENT = { testTimeout: 120_000, hookTimeout: 60_000 } as const;

/**
 * Three projects, one after the other. `unit` starts no cluster of processes; `command-line` runs the built program as its
 * user does, which leaves processors idle, and both run as many files at once as there are processors. `process` puts
 * clusters under load and measures how long they do not answer: one file at a time, because five nodes fill two cores.
 */
export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    maxWorkers: '100%',
    // On a machine that does much else, what takes a second takes ten.
    testTimeout: 30_000,
    reporters: REPORT_FILE === undefined ? ['default'] : ['default', ['json', { outputFile: REPORT_FILE }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/command-line/**', 'test/process/**'],
        },
      },
      {
        extends: true,
        test: {
          ...PATIENT,
          name: 'command-line',
          include: ['test/command-line/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...PATIENT,
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config'

const shared = { execArgv: ['--disable-proto=throw'], testTimeout: 30_000 }
/** The slow projects by file name; everything else under test/ is a unit test. */
const slow = [
  '**/*.local.test.ts',
  '**/*.servers.test.ts',
  '**/*.faults.test.ts',
  '**/*.nightly.test.ts',
]
/** Installs the programs that tests start. */
const installed = { globalSetup: ['test/servers/install.ts'] }
/** ... and builds our own. */
const started = { globalSetup: [...installed.globalSetup, 'test/servers/build.ts'] }

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          ...installed,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          // By default one core is left to vitest itself, which has little to do.
          maxWorkers: 2,
          // Modules are loaded once a worker, not once a file: a third of the time.
          isolate: false,
          setupFiles: ['test/property-cases.ts'],
          exclude: [...slow, '**/node_modules/**'],
        },
      },
      {
        test: {
          ...shared,
          ...installed,
          name: 'local',
          include: ['test/**/*.local.test.ts'],
          maxWorkers: 2,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          ...started,
          globalSetup: ['test/servers/root.ts', ...started.globalSetup],
          name: 'servers',
          include: ['test/**/*.servers.test.ts'],
          // Half of the time they wait for servers.
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...shared,
          ...started,
          name: 'faults',
          include: ['test/**/*.faults.test.ts'],
          maxWorkers: 2,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          ...started,
          name: 'nightly',
          include: ['test/**/*.nightly.test.ts'],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})

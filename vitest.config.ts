import { defineConfig } from 'vitest/config'

/** Tests by the runtime they need; `npm test` runs each project as a stage of its own. */
const projects: Record<string, { include: string[]; timeoutMs: number }> = {
  unit: { include: ['tests/{js,architecture,tools}/**/*.test.ts'], timeoutMs: 60_000 },
  storage: { include: ['tests/storage/**/*.test.ts'], timeoutMs: 60_000 },
  // How long it takes is up to whoever runs it.
  simulation: { include: ['tests/simulation/**/*.test.ts'], timeoutMs: 24 * 3_600_000 },
  edge: { include: ['tests/edge/**/*.test.ts'], timeoutMs: 120_000 },
  browser: { include: ['tests/browser/**/*.test.ts'], timeoutMs: 240_000 },
  package: { include: ['tests/package/**/*.test.ts'], timeoutMs: 240_000 },
  examples: { include: ['tests/examples/**/*.test.ts'], timeoutMs: 240_000 },
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: Object.entries(projects).map(([name, { include, timeoutMs }]) => ({
      test: { name, include, testTimeout: timeoutMs, hookTimeout: timeoutMs },
    })),
  },
})

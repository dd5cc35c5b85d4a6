import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // Hooks start clusters of real servers, on a machine that may be busy.
    hookTimeout: 60_000,
    pool: 'forks',
  },
})

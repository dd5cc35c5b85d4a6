import { afterEach } from 'vitest'
import type { TestCache } from '../../src/testing/test-cache.ts'

/** Registers caches that are stopped, and their invariants checked, after each test of the file. */
export function starter(): <Faulty extends string>(cache: TestCache<Faulty>) => TestCache<Faulty> {
  let open: (() => Promise<void>)[] = []
  afterEach(async () => {
    const stops = open
    open = []
    for (const stop of stops) await stop()
  })
  return (cache) => {
    open.push(() => cache.stop())
    return cache
  }
}

import { describe, expect, test } from 'vitest'

import { KeySamples } from '../../src/statistics/key-samples.ts'
import { seededRandom, zipf } from '../../src/testing/index.ts'

const seed = Number(process.env['SEED'] ?? 11)

describe('hot keys', () => {
  test('are the most frequent of a skewed stream, and their reads are about right', () => {
    const random = seededRandom(seed)
    const next = zipf(random, 100_000, 1.1)
    const samples = new KeySamples(random)
    const counts = new Map<string, number>()
    const reads = 200_000
    for (let at = 0; at < reads; at++) {
      const key = `key:${next()}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      samples.read(key, true)
    }
    const top = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, 5)
    const found = new Map(samples.hotKeys().map(({ key, reads: estimated }) => [key, estimated]))
    for (const [key, count] of top) {
      const off = Math.abs((found.get(key) ?? 0) - count) / count
      expect(off, `${key} of ${count}, seed ${seed}`).toBeLessThan(0.25)
    }
    expect(Math.abs(samples.reads - reads) / reads).toBeLessThan(0.1)
  })

  test('are not made up by a loop over many keys', () => {
    const samples = new KeySamples(seededRandom(seed))
    for (let at = 0; at < 200_000; at++) samples.read(`key:${at % 10_000}`, true)
    expect(samples.hotKeys().filter(({ reads }) => reads > samples.reads * 0.02)).toEqual([])
  })

  test('are seen though a loop over keys falls in step with the samples', () => {
    const samples = new KeySamples(seededRandom(seed))
    for (let at = 0; at < 80_000; at++) samples.read(at % 8 === 3 ? 'hot' : `cold:${at}`, true)
    expect(samples.hotKeys()[0]?.key).toBe('hot')
  })

  test('cool down', () => {
    const samples = new KeySamples(seededRandom(seed))
    samples.memoryHit('old', 1000)
    for (let minute = 0; minute < 10; minute++) samples.age()
    expect(samples.hotKeys()[0]?.reads).toBeCloseTo(500, 5)
    samples.memoryHit('new', 600)
    expect(samples.hotKeys().map(({ key }) => key)).toEqual(['new', 'old'])
    for (let minute = 0; minute < 120; minute++) samples.age()
    expect(samples.hotKeys()).toEqual([])
  })
})

test('families count hits and misses apart', () => {
  const samples = new KeySamples(() => 0)
  for (let at = 0; at < 800; at++) samples.read(`user:${at}`, at % 4 !== 0)
  for (let at = 0; at < 80; at++) samples.read(`report:${at}`, false)
  const [users, reports] = samples.families()
  expect(users).toMatchObject({ family: 'user:*' })
  expect((users?.misses ?? 0) / ((users?.hits ?? 0) + (users?.misses ?? 0))).toBeCloseTo(0.25, 1)
  expect(reports).toMatchObject({ family: 'report:*', hits: 0 })
})

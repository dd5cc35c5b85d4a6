import { describe, expect, it } from 'vitest'
import { seededRandom, zipf } from '../../../src/testing/seeded-random.ts'
import { openMemory } from './memory-session.ts'

/** Share of reads answered by a tier of `size` entries; what is absent is stored. */
function hitRatio(size: number, keys: Iterable<number>): number {
  const session = openMemory({ maxEntries: size })
  const space = session.open()
  const entry = session.entry(1, { sizeBytes: 1 })
  for (const key of keys) if (space.read(`key:${key}`) === undefined) space.set(`key:${key}`, entry, Infinity)
  return space.hits / (space.hits + space.misses)
}

function* loop(length: number, laps: number): Iterable<number> {
  for (let at = 0; at < length * laps; at++) yield at % length
}

/** Every key is read twice, the second time `distance` keys later, and never again. */
function* twice(count: number, distance: number): Iterable<number> {
  for (let at = 0; at < count; at++) {
    yield at
    if (at >= distance) yield at - distance
  }
}

function* interleaved(one: Iterable<number>, other: Iterable<number>): Iterable<number> {
  const others = other[Symbol.iterator]()
  for (const key of one) {
    yield key
    const next = others.next()
    if (!next.done) yield next.value
  }
}

describe('eviction', () => {
  it('keeps a part of a loop larger than the cache, where LRU keeps nothing', () => {
    expect(hitRatio(500, loop(1000, 60))).toBeGreaterThan(0.42)
    expect(hitRatio(100, loop(1000, 60))).toBeGreaterThan(0.06)
  })

  it('goes on keeping it after the counts were halved', () => {
    expect(hitRatio(512, loop(1011, 400))).toBeGreaterThan(0.46)
  })

  it('answers what is read again soon, however rarely it was read before', () => {
    expect(hitRatio(500, twice(50_000, 5))).toBeGreaterThan(0.49)
  })

  it('widens the window where keys return just after they left it', () => {
    expect(hitRatio(500, twice(50_000, 45))).toBeGreaterThan(0.47)
  })

  it('keeps hot keys through a scan', () => {
    const scan = Array.from({ length: 50_000 }, (_, at) => 1_000_000 + at)
    const ratio = hitRatio(1000, interleaved(loop(500, 100), scan))
    expect(ratio).toBeGreaterThan(0.48)
  })

  it('comes near the best possible share on a skewed load', () => {
    const universe = 10_000
    const size = 500
    const rank = zipf(seededRandom(7), universe, 0.9)
    const weights = Array.from({ length: universe }, (_, at) => (at + 1) ** -0.9)
    const sum = (list: readonly number[]) => list.reduce((total, weight) => total + weight, 0)
    const best = sum(weights.slice(0, size)) / sum(weights)
    expect(hitRatio(size, Array.from({ length: 200_000 }, rank))).toBeGreaterThan(best * 0.92)
  })

  it('gives way when the popular keys change', () => {
    const before = Array.from(loop(400, 50))
    const after = Array.from(loop(400, 100), (key) => key + 10_000)
    expect(hitRatio(500, [...before, ...after])).toBeGreaterThan(0.85)
  })

  it('works with a handful of entries', () => {
    for (const size of [1, 2, 3, 5, 8]) {
      expect(
        hitRatio(
          size,
          Array.from({ length: 1000 }, () => 1),
        ),
      ).toBeGreaterThan(0.99)
    }
  })

  it('does not let one large value push out many small ones', () => {
    const session = openMemory({ maxBytes: 200_000 })
    const space = session.open()
    for (let id = 0; id < 1000; id++) space.set(`key:${id}`, session.entry(id, { sizeBytes: 50 }), Infinity)
    for (let round = 0; round < 5; round++) for (const key of space.keys()) space.read(key)
    const before = space.size
    for (let id = 0; id < 100; id++) space.set(`large:${id}`, session.entry(id, { sizeBytes: 20_000 }), Infinity)
    expect(space.size).toBeGreaterThan(before * 0.95)
  })
})

import { describe, expect, it } from 'vitest'
import { FrequencySketch } from '../../../src/tiers/memory/frequency-sketch.ts'
import { hashKey } from '../../../src/tiers/memory/key-hash.ts'

const hashes = Array.from({ length: 2000 }, (_, id) => hashKey(`key:${id}`, 1))

function filled(): FrequencySketch {
  const sketch = new FrequencySketch()
  sketch.reserve(2000)
  for (const [id, hash] of hashes.entries()) sketch.raise(hash, (id % 15) + 1)
  return sketch
}

describe('FrequencySketch', () => {
  it('never estimates too little and seldom too much', () => {
    const sketch = filled()
    const excess = hashes.map((hash, id) => sketch.estimate(hash) - ((id % 15) + 1))
    expect(Math.min(...excess)).toBe(0)
    expect(excess.filter((over) => over > 0).length).toBeLessThan(60)
  })

  it('knows nothing of keys it was never told of', () => {
    const sketch = filled()
    const strangers = Array.from({ length: 2000 }, (_, id) => sketch.estimate(hashKey(`stranger:${id}`, 1)))
    expect(strangers.filter((count) => count > 0).length).toBeLessThan(200)
  })

  it('keeps its estimates when it grows', () => {
    const sketch = filled()
    const before = hashes.map((hash) => sketch.estimate(hash))
    sketch.reserve(100_000)
    expect(hashes.map((hash) => sketch.estimate(hash))).toEqual(before)
  })

  it('halves every estimate', () => {
    const sketch = filled()
    const before = hashes.map((hash) => sketch.estimate(hash))
    sketch.halve()
    expect(hashes.map((hash) => sketch.estimate(hash))).toEqual(before.map((count) => count >>> 1))
  })

  it('takes no memory before it is needed', () => {
    const sketch = new FrequencySketch()
    sketch.raise(1, 5)
    sketch.halve()
    expect([sketch.estimate(1), sketch.bytes]).toEqual([0, 0])
  })
})

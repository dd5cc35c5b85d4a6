import { describe, expect, it } from 'vitest'
import { GhostTable } from '../../../src/tiers/memory/ghost-table.ts'
import { hashKey } from '../../../src/tiers/memory/key-hash.ts'

const hash = (id: number): number => hashKey(`key:${id}`, 1)

describe('GhostTable', () => {
  it('remembers from where the latest evictions were, once', () => {
    const ghosts = new GhostTable()
    ghosts.reserve(100)
    ghosts.add(hash(1), true)
    ghosts.add(hash(2), false)
    expect([ghosts.take(hash(1)), ghosts.take(hash(2)), ghosts.take(hash(3))]).toEqual(['main', 'window', 'none'])
    expect([ghosts.take(hash(1)), ghosts.take(hash(2))]).toEqual(['none', 'none'])
  })

  it('forgets after about as many further evictions of the same queue as it is long', () => {
    const ghosts = new GhostTable()
    ghosts.reserve(1000)
    for (let id = 0; id < 3000; id++) ghosts.add(hash(id), false)
    for (let id = 0; id < 300; id++) ghosts.add(hash(10_000 + id), true)
    const remembered = Array.from({ length: 3000 }, (_, id) => ghosts.take(hash(id)) === 'window')
    expect(remembered.slice(0, 1990).filter(Boolean).length).toBeLessThan(10)
    expect(remembered.slice(2020).filter(Boolean).length).toBeGreaterThan(850)
  })

  it('hardly ever remembers a key that was not evicted', () => {
    const ghosts = new GhostTable()
    ghosts.reserve(10_000)
    for (let id = 0; id < 10_000; id++) ghosts.add(hash(id), id % 2 === 0)
    let wrong = 0
    for (let id = 0; id < 100_000; id++) if (ghosts.take(hash(1_000_000 + id)) !== 'none') wrong++
    expect(wrong).toBeLessThan(40)
  })
})

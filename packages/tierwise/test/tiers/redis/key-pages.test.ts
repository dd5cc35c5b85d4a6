import { describe, expect, it } from 'vitest'
import { clusterLayout, singleLayout } from '../../../src/tiers/redis/key-layout.ts'
import { UniqueNames } from '../../../src/tiers/redis/key-pages.ts'
import { OwnWrites } from '../../../src/tiers/redis/own-writes.ts'
import { numbered } from './opened-tier.ts'

describe('UniqueNames', () => {
  it('knows the latest 65,536 names, and holds no more than twice as many', () => {
    const unique = new UniqueNames()
    const names = numbered('n', 200_000)
    for (const name of names) expect(unique.add(name)).toBe(true)
    for (const name of names.slice(-65_536)) expect(unique.add(name)).toBe(false)
    expect(unique.add('n0'), 'names from long ago are forgotten').toBe(true)
  })
})

describe('key layouts', () => {
  it('keep the storage key on one server', () => {
    expect(singleLayout.nameOf('tw:1:a:*', 0)).toBe('tw:1:a:*')
    expect(singleLayout.patternOf('tw:1:a:*')).toBe('tw:1:a:\\**')
  })

  it('put every key of a cluster into a lane of its own prefix, which its name tells', () => {
    const layout = clusterLayout('tw', 64)
    for (const key of [...numbered('tw:1:a:', 500), 'tw:1:a:{x}', 'tw:1:a:}', 'tw:1:a:ü', ':', '']) {
      const lane = layout.laneOf(key)
      const name = layout.nameOf(key, lane)
      expect(lane).toBeGreaterThanOrEqual(0)
      expect(lane).toBeLessThan(64)
      expect(name).toBe(`{tw:${lane}}${key}`)
      expect(layout.keyOf(name)).toBe(key)
      expect(layout.laneOfName(name)).toBe(lane)
    }
  })

  it('take no other name for one of theirs', () => {
    const layout = clusterLayout('tw', 64)
    const wrongLane = (layout.laneOf('tw:1:a:1') + 1) % 64
    for (const name of ['', 'tw:1:a:1', '{tw:', '{tw:x}tw', '{tw:1', '{other:1}tw', `{tw:${wrongLane}}tw:1:a:1`])
      expect(layout.keyOf(name)).toBeUndefined()
  })

  it('spread keys over all lanes', () => {
    const layout = clusterLayout('tw', 64)
    const counts = new Map<number, number>()
    for (const key of numbered('tw:1:a:', 64_000))
      counts.set(layout.laneOf(key), (counts.get(layout.laneOf(key)) ?? 0) + 1)
    expect(counts.size).toBe(64)
    for (const count of counts.values()) expect(count).toBeLessThan(1500)
  })
})

describe('OwnWrites', () => {
  it('remembers the newest version of a key for at least a generation', () => {
    const own = new OwnWrites(1000)
    own.note('a', 5, 0)
    own.note('a', 3, 900)
    own.note('b', 1, 1000)
    expect(own.leastVersion('a', 1899)).toBe(5)
    own.note('b', 1, 2000)
    expect(own.leastVersion('a', 2000)).toBe(0)
  })

  it('answers for no key for a generation when there were too many, or after all of them changed', () => {
    const own = new OwnWrites(1000)
    for (let index = 0; index <= 100_000; index++) own.note(`k${index}`, 1, 0)
    expect(own.leastVersion('x', 999)).toBeUndefined()
    expect(own.leastVersion('x', 1000)).toBe(0)
    own.noteAll(5000)
    expect(own.leastVersion('x', 5999)).toBeUndefined()
  })
})

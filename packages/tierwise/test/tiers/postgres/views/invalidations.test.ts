import { describe, expect, it } from 'vitest'

import { seededRandom } from '../../../../src/testing/index.ts'
import { Invalidations } from '../../../../src/tiers/postgres/views/invalidations.ts'

describe('invalidations of a view', () => {
  it('cover a key until a refresh that started after its time is known to be later', () => {
    const invalidations = new Invalidations(10)
    invalidations.note('a')
    expect(invalidations.cover('a', 1000)).toBe(true)
    expect(invalidations.cover('b', 1000)).toBe(false)
    invalidations.answered(invalidations.send(), 50, 40)
    expect(invalidations.cover('a', 40)).toBe(true)
    expect(invalidations.cover('a', 50)).toBe(true)
    expect(invalidations.cover('a', 51)).toBe(false)
    invalidations.answered(invalidations.send(), 60, 51)
    expect(invalidations.size).toBe(0)
  })

  it('cover what was invalidated while a statement was under way, whatever it brings', () => {
    const invalidations = new Invalidations(10)
    const sent = invalidations.send()
    invalidations.note('a')
    invalidations.answered(sent, 100, 90)
    expect(invalidations.cover('a', 200)).toBe(true)
  })

  it('ask again for times that a lost statement was to bring', () => {
    const invalidations = new Invalidations(10)
    invalidations.note('a')
    invalidations.lost(invalidations.send())
    expect(invalidations.hasUnsent).toBe(true)
    invalidations.answered(invalidations.send(), 50, 40)
    expect(invalidations.cover('a', 51)).toBe(false)
  })

  it('keep the later of two invalidations of a key', () => {
    const invalidations = new Invalidations(10)
    invalidations.note('a')
    const first = invalidations.send()
    invalidations.note('a')
    invalidations.answered(first, 50, 40)
    expect(invalidations.cover('a', 60)).toBe(true)
    invalidations.answered(invalidations.send(), 70, 60)
    expect(invalidations.cover('a', 60)).toBe(true)
    expect(invalidations.cover('a', 71)).toBe(false)
  })

  it('are bounded: with too many keys the whole view is covered until the next refresh', () => {
    const invalidations = new Invalidations(2)
    expect([
      invalidations.note('a'),
      invalidations.note('b'),
      invalidations.note('a'),
      invalidations.note('c'),
    ]).toEqual([true, true, true, false])
    expect(invalidations.size).toBe(0)
    expect(invalidations.cover('never seen', 100)).toBe(true)
    invalidations.answered(invalidations.send(), 50, 40)
    invalidations.answered(invalidations.send(), 60, 51)
    expect(invalidations.cover('never seen', 51)).toBe(false)
  })

  it('take no more space than their keys while nothing is read', () => {
    const invalidations = new Invalidations(10)
    for (let times = 0; times < 1000; times++) {
      invalidations.note('a')
      if (times % 100 === 0) invalidations.noteAll()
    }
    expect(invalidations.send().length).toBeLessThan(5)
  })

  it('cover rows that arrive late, of before an invalidation that a later refresh has settled', () => {
    const invalidations = new Invalidations(10)
    const late = invalidations.send()
    invalidations.note('a')
    invalidations.answered(invalidations.send(), 50, 40)
    invalidations.answered(invalidations.send(), 70, 60)
    expect(invalidations.cover('a', 60)).toBe(false)
    invalidations.answered(late, 45, 40)
    expect(invalidations.cover('a', 40)).toBe(true)
  })

  it('never let a row count that is older than an invalidation, in any order of events', () => {
    const seed = 20261121
    const random = seededRandom(seed)
    for (let round = 0; round < 300; round++) playRound(random, `seed ${seed}, round ${round}`)
  })
})

/** Invalidations, refreshes and statements in a random order; statements may overtake each other and be lost. */
function playRound(random: () => number, name: string): void {
  const invalidations = new Invalidations(3)
  const keys = ['a', 'b', 'c', 'd', 'e']
  const latest = new Map<string, number>()
  const underWay: { sent: ReturnType<Invalidations['send']>; now: number; refreshed: number }[] = []
  let refreshed = 0
  const invalidate = (now: number): void => {
    const key = keys[Math.floor(random() * keys.length)] ?? 'a'
    invalidations.note(key)
    latest.set(key, now)
  }
  const invalidateAll = (now: number): void => {
    invalidations.noteAll()
    for (const key of keys) latest.set(key, now)
  }
  const answer = (): void => {
    const [ended] = underWay.splice(Math.floor(random() * underWay.length), 1)
    if (ended === undefined) return
    if (random() < 0.2) return invalidations.lost(ended.sent)
    invalidations.answered(ended.sent, ended.now, ended.refreshed)
    for (const key of keys.filter((each) => !invalidations.cover(each, ended.refreshed)))
      expect(latest.get(key) ?? -1, name).toBeLessThan(ended.refreshed)
  }
  for (let now = 1; now < 60; now++) {
    const event = random()
    if (event < 0.3) invalidate(now)
    else if (event < 0.33) invalidateAll(now)
    else if (event < 0.45) refreshed = Math.max(refreshed, now - Math.floor(random() * 3))
    else if (event < 0.7) underWay.push({ sent: invalidations.send(), now, refreshed })
    else answer()
  }
}

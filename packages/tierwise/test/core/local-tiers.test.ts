import { describe, expect, test } from 'vitest'

import type { KeyChange } from '../../src/contract/bus.ts'
import type { GuardedTier } from '../../src/core/guard/guarded-tier.ts'
import { LocalTiers } from '../../src/core/fleet/local-tiers.ts'
import { fakeRuntime } from '../../src/testing/index.ts'

interface SlowTier {
  readonly tier: GuardedTier
  readonly asked: string[]
  /** Ends the oldest deletion that is under way. */
  answer(): void
}

function slowTier(readOnly = false): SlowTier {
  const asked: string[] = []
  const waiting: (() => void)[] = []
  const tier = {
    owed: 0,
    capabilities: { readOnly },
    delete: ([key = '']: readonly string[], prefix: string, version: number) => {
      asked.push(`${key} of ${prefix} before ${version}`)
      return new Promise<readonly boolean[]>((resolve) => waiting.push(() => resolve([true])))
    },
  }
  return { tier: tier as unknown as GuardedTier, asked, answer: () => waiting.shift()?.() }
}

const change = (number: number): KeyChange => ({
  kind: 'key',
  operation: 'delete',
  key: `tw:1:n:${number}`,
  version: number,
})

const { settle } = fakeRuntime()

describe('local tiers', () => {
  test('are told of each key by its own version, and of no tags', () => {
    const { tier, asked } = slowTier()
    new LocalTiers([tier]).tell([change(1), { kind: 'tags', names: ['n:red'], clock: 7 }, change(2)])
    expect(asked).toEqual(['tw:1:n:1 of tw:1:n: before 1', 'tw:1:n:2 of tw:1:n: before 2'])
  })

  test('are not flooded by a long log, and take all of it in its order', async () => {
    const { tier, asked, answer } = slowTier()
    const tiers = new LocalTiers([tier])
    tiers.tell(Array.from({ length: 200 }, (_, number) => change(number)))
    expect(asked).toHaveLength(64)
    for (let count = 0; count < 200; count++) {
      answer()
      await settle()
    }
    expect(asked.map((text) => Number(/:(\d+) of/.exec(text)?.[1]))).toEqual(Array.from({ length: 200 }, (_, at) => at))
    expect(tiers.untaken.settled()).toBe(undefined)
    tiers.tell([change(200)])
    expect(asked).toHaveLength(201)
  })

  test('that are sources take a change within the call', () => {
    const { tier, asked } = slowTier(true)
    new LocalTiers([tier]).tell(Array.from({ length: 200 }, (_, number) => change(number)))
    expect(asked).toHaveLength(200)
  })

  test('say when they have taken what they were told, not what they are told since', async () => {
    const { tier, answer } = slowTier()
    const tiers = new LocalTiers([tier])
    tiers.tell([change(1)])
    let isTaken = false
    void tiers.untaken.settled()?.then(() => (isTaken = true))
    tiers.tell([change(2)])
    await settle()
    expect(isTaken).toBe(false)
    answer()
    await settle()
    expect(isTaken).toBe(true)
  })
})

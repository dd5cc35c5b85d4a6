import { describe, expect, it } from 'vitest'

import type { StandardSchema } from '../../../src/contract/schema.ts'
import { atOnce, startFleet, type Member } from './fleet.ts'

const tags = ['t']
const keys = ['k', 'l', 'm']

/** Takes numbers from 2 on. */
const newSchema: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (Number(value) >= 2 ? { value } : { issues: [{ message: 'too small' }] }),
  },
}

/** A loader that counts its calls. */
function loader(): { readonly calls: (readonly string[])[]; load(keys: readonly string[]): Map<string, number> } {
  const calls: (readonly string[])[] = []
  return {
    calls,
    load: (asked) => {
      calls.push(asked)
      return new Map(asked.map((key) => [key, 2]))
    },
  }
}

async function storeOld({ cache }: Member): Promise<void> {
  await atOnce(
    cache.setMany(
      keys.map((key) => [key, 1] as const),
      { tags },
    ),
  )
}

/** How often the member has asked for leases. */
const asked = ({ manager }: Member): number => manager.analytics().tiers['shared']?.operations.lease?.calls ?? 0

describe('records that the store takes for fresh and a process must not use', () => {
  it.each([
    ['by the process that loads', 0],
    ['by another', 1],
  ])('are replaced in one load of the batch after their tag was invalidated %s', async (_, by) => {
    const { runtime, members } = await startFleet()
    const [a] = members as [Member]
    await storeOld(a)
    await atOnce(members[by]!.cache.invalidateTags(tags))
    await runtime.settle()
    const { calls, load } = loader()
    expect([...(await atOnce(a.cache.getOrSetMany(keys, load, { tags })))]).toEqual(keys.map((key) => [key, 2]))
    expect(calls).toEqual([keys])
    expect(asked(a)).toBe(1)
    for (const { cache } of members) expect((await atOnce(cache.getMany(keys))).size).toBe(keys.length)
  })

  it('cost a single load one question for the lease', async () => {
    const { members } = await startFleet({ members: 1 })
    const [a] = members as [Member]
    await storeOld(a)
    await atOnce(a.cache.invalidateTags(tags))
    expect(await atOnce(a.cache.getOrSet('k', () => 2, { tags }))).toBe(2)
    // Call options of its own: the read does not travel with those of the tick.
    expect(await atOnce(a.cache.getOrSet('l', () => 2, { tags, tiers: ['memory', 'shared'] }))).toBe(2)
    expect(asked(a)).toBe(2)
  })

  it('are replaced in one load of the batch when they fit the schema no more', async () => {
    const { runtime, join, members } = await startFleet({ members: 1 })
    await storeOld(members[0]!)
    const newer = await join({ namespaces: { factors: { schema: newSchema } } })
    await runtime.advance(100)
    const { calls, load } = loader()
    await atOnce(newer.cache.getOrSetMany(keys, load))
    expect(calls).toEqual([keys])
    expect(asked(newer)).toBe(1)
  })

  it('are replaced in one load of the batch when they cannot be decoded', async () => {
    const { store, members } = await startFleet()
    const [a, b] = members as [Member, Member]
    await storeOld(a)
    const { held } = store.snapshot()
    for (const { bytes } of held.values()) bytes?.fill(255, bytes.length - 1)
    store.restore({ ...store.snapshot(), held })
    const { calls, load } = loader()
    await atOnce(b.cache.getOrSetMany(keys, load))
    expect(calls).toEqual([keys])
    expect(asked(b)).toBe(1)
  })

  it('are not loaded again when another process has replaced them meanwhile', async () => {
    const { runtime, members } = await startFleet()
    const [a, b] = members as [Member, Member]
    await storeOld(a)
    await atOnce(a.cache.invalidateTags(tags))
    await runtime.settle()
    const asking = a.instance.pause('acquire', { calls: 1, moment: 'before' })
    const { calls, load } = loader()
    const loading = a.cache.getOrSetMany(keys, load, { tags })
    await asking.reached
    await atOnce(b.cache.getOrSetMany(keys, (all) => new Map(all.map((key) => [key, 3])), { tags }))
    asking.resume()
    expect([...(await atOnce(loading))]).toEqual(keys.map((key) => [key, 3]))
    expect(calls).toEqual([])
  })
})

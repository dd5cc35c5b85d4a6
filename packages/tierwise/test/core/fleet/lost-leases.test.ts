import { expect, it } from 'vitest'

import { atOnce, startFleet } from './fleet.ts'

const tierTimeout = 250
/** Memory would answer what was loaded without a lease. */
const shared = { tiers: ['shared'] }

it('waits for no lease whose answer this process has lost', async () => {
  const { members } = await startFleet({ members: 1 })
  const { cache, instance } = members[0]!
  const answer = instance.pause('acquire', { calls: 1 })
  const first = cache.getOrSet('k', () => 1, shared)
  await answer.reached
  answer.fail()
  expect(await atOnce(first)).toBe(1)
  expect(await atOnce(cache.getOrSet('k', () => 2, shared))).toBe(2)
})

it('gives a lease back that is granted after its deadline', async () => {
  const { members, runtime } = await startFleet({ tierTimeout })
  const [{ cache, instance }, { cache: other }] = members as [(typeof members)[0], (typeof members)[0]]
  const asked = instance.pause('acquire', { calls: 1, moment: 'before' })
  const loading = cache.getOrSet('k', () => 1, shared)
  await asked.reached
  await runtime.advance(tierTimeout)
  expect(await atOnce(loading)).toBe(1)
  asked.resume()
  await runtime.settle()
  expect(await atOnce(other.getOrSet('k', () => 2))).toBe(2)
})

it('gives a lease back that was granted over a connection which is gone', async () => {
  const { members, runtime } = await startFleet()
  const [{ cache, instance }, { cache: other }] = members as [(typeof members)[0], (typeof members)[0]]
  const loading = cache.getOrSet('k', async () => {
    instance.cut()
    instance.mend()
    return 1
  })
  expect(await atOnce(loading)).toBe(1)
  await runtime.settle()
  expect(await atOnce(other.getOrSet('k', () => 2))).toBe(2)
})

import { describe, expect, test } from 'vitest'

import { NamespaceCache } from '../../../src/core/cache.ts'
import { TenantCache } from '../../../src/core/tenants/tenant-cache.ts'
import { TenantedCache } from '../../../src/core/tenants/tenanted-cache.ts'
import type { Cache } from '../../../src/contract/cache.ts'
import { PolicyViolationError } from '../../../src/errors.ts'
import { chainOpener, chains, listed } from './chains.ts'
import { furnish, verbs } from './verbs.ts'

const open = chainOpener()
const cases = Object.entries(verbs).flatMap(([verb, all]) => all.map((each, at) => ({ verb, at, ...each })))

/** Everything that can be seen of the entries of a tenant. */
async function stateOf(view: Cache<unknown>): Promise<unknown> {
  const keys = await listed(view)
  const entries = await Promise.all(keys.map(async (key) => [key, await view.getEntry(key), view.peek(key)] as const))
  return entries.map(([key, entry, peeked]) => ({
    key,
    peeked,
    value: entry?.value,
    tags: entry?.tags,
    version: entry?.version,
    expiresAt: entry?.expiresAt?.getTime().toFixed(),
    stale: entry?.stale,
  }))
}

describe('the table of verbs', () => {
  test('has every verb of a namespace, and every view has too', () => {
    const methods = (of: { prototype: object }): readonly string[] =>
      Object.getOwnPropertyNames(of.prototype).filter((name) => !['constructor', 'watch'].includes(name))
    const all = methods(NamespaceCache).toSorted()
    expect(Object.keys(verbs).toSorted()).toEqual(all)
    expect(methods(TenantCache).toSorted()).toEqual(all)
    expect(methods(TenantedCache).toSorted()).toEqual(all)
  })
})

describe.each(chains)('over %s', (chain) => {
  test.each(cases)('$verb ($at) of one tenant does and tells its own only', async ({ does, told, keeps }) => {
    const { acme, bell } = open(chain, { grace: '1h' })
    await Promise.all([furnish(acme, 'acme'), furnish(bell, 'bell')])
    const before = await stateOf(bell)
    const answer = await does(acme, 'bell')
    if (told !== undefined) expect(answer).toEqual(told)
    expect(await listed(acme)).toEqual(keeps)
    expect(await stateOf(bell)).toEqual(before)
    // What the other had lost in a tier only would show once memory is passed by.
    const below = { tiers: [chain === 'memory and Redis' ? 'redis' : chain === 'memory' ? 'memory' : 'map'] }
    expect(await bell.getMany(['one', 'two'], below)).toEqual(
      new Map([
        ['one', 'bell one'],
        ['two', 'bell two'],
      ]),
    )
    await bell.invalidateTags(['first'])
    expect(await listed(bell)).toEqual(['two'])
  })

  test.each(cases)('$verb ($at) without a tenant', async ({ verb, does, withoutTenant }) => {
    const { whole, acme, manager } = open(chain)
    await furnish(acme, 'acme')
    if (withoutTenant === 'allowed') {
      await does(whole, 'acme')
      return
    }
    const before = await stateOf(acme)
    await expect(does(whole, 'acme')).rejects.toMatchObject({ rule: 'tenant-missing', operation: expect.any(String) })
    await expect(does(whole, 'acme')).rejects.toThrow(PolicyViolationError)
    expect(await stateOf(acme), verb).toEqual(before)
    expect(await listed(whole)).toEqual(['acme:one', 'acme:two'])
    expect(manager.governanceReport().violations['tenant-missing']).toBeGreaterThan(0)
  })
})

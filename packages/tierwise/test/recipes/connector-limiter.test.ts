import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { connectorLimiter } from '../../src/recipes/connector-limiter.ts'
import { connectorLimiterCases } from './integration/connector-limiter-cases.ts'
import { embedded } from './integration/worlds.ts'

connectorLimiterCases(embedded)

describe('options of connectorLimiter', () => {
  it.each([
    [{}, 'share'],
    [{ share: 0 }, 'share'],
    [{ share: 2 }, 'share'],
    [{ share: 1, limit: 0 }, 'limit'],
    [{ share: 1, endpoint: {} }, 'endpoints'],
    [{ share: 1, endpoints: { orders: { limits: 1 } } }, 'connectorLimiter.endpoints.orders.limits'],
    [{ share: 1, endpoints: { orders: 5 } }, 'connectorLimiter.endpoints.orders'],
    [{ share: 1, now: 5 }, 'now'],
    [{ share: 1, name: 'a:b' }, 'a:b'],
  ])('refuses %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => connectorLimiter(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })

  it('takes anything that can be a key for an endpoint, names of properties too', async () => {
    await using coordination = createCoordination()
    const limiter = connectorLimiter(coordination, { share: 1 })
    for (const endpoint of ['__proto__', 'constructor', '/sap/opu/odata?x=1', 'ä'])
      expect((await limiter.acquire(endpoint)).allowed).toBe(true)
    await expect(limiter.acquire('')).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    await expect(limiter.acquire('orders', 0)).rejects.toThrow(RangeError)
    await expect(limiter.acquire('orders', 1.5)).rejects.toThrow(RangeError)
  })
})

import { describe, expectTypeOf, test } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { connectorLimiter, type EndpointStatus } from '../../src/recipes/connector-limiter.ts'

const limiter = connectorLimiter(createCoordination(), { share: 1 })

describe('an acquisition', () => {
  test('that was not awaited cannot be taken for an answer', () => {
    // @ts-expect-error a promise is always there
    if (limiter.acquire('orders')) limiter.wrap('orders', () => 1)
    // @ts-expect-error a promise has no answer
    if (!limiter.acquire('orders').allowed) limiter.wrap('orders', () => 1)
    // @ts-expect-error it is no boolean
    const isAllowed: boolean = limiter.acquire('orders')
    void isAllowed
  })

  test('is no boolean when it was awaited either', async () => {
    // @ts-expect-error it is an object
    const isAllowed: boolean = await limiter.acquire('orders')
    void isAllowed
  })

  test('says why and until when only where it was refused', async () => {
    const outcome = await limiter.acquire('orders')
    // @ts-expect-error nothing was refused yet
    void outcome.reason
    if (outcome.allowed) expectTypeOf(outcome).toExtend<EndpointStatus>()
    else {
      expectTypeOf(outcome.reason).toEqualTypeOf<'limited' | 'unavailable'>()
      if (outcome.reason === 'limited') expectTypeOf(outcome.retryAfterMs).toBeNumber()
    }
  })

  test('is not needed around a wrapped call, which keeps its types', () => {
    const orders = limiter.wrap('orders', (page: number) => `page ${page}`)
    expectTypeOf(orders).toEqualTypeOf<(page: number) => Promise<string>>()
  })
})

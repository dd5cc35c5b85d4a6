import { expectTypeOf, test } from 'vitest'
import { createCoordination, type Claim, type LimitDecision } from '../../src/coordination/index.ts'

const coordination = createCoordination()

test('values have the type of their primitive', () => {
  const carts = coordination.register<{ items: string[] }>('carts')
  expectTypeOf(carts.get('ada')).resolves.toEqualTypeOf<{ items: string[] } | undefined>()
  expectTypeOf(carts.getAndDelete('ada')).resolves.toEqualTypeOf<{ items: string[] } | undefined>()
  // @ts-expect-error not a cart
  void carts.set('ada', { items: [1] })
  void carts.update('ada', (cart) => ({ items: [...(cart?.items ?? []), 'steel'] }))
  // @ts-expect-error what is expected must be said
  void carts.compareAndSet('ada', { value: { items: [] } })
})

test('fields have the types of their record', () => {
  const states = coordination.hash<{ state: 'ok' | 'firing'; count: number }>('states')
  expectTypeOf(states.get('a', ['count'])).resolves.toEqualTypeOf<Partial<{ count: number }> | undefined>()
  void states.set('a', { state: 'firing', count: undefined })
  // @ts-expect-error no such state
  void states.set('a', { state: 'broken' })
  // @ts-expect-error no such field
  void states.get('a', ['sum'])
})

test('a claim has to be looked at before it is worked on', () => {
  const claims = coordination.claims<string>('mails')
  expectTypeOf(claims.claim('a')).resolves.toEqualTypeOf<Claim<string>>()
  void claims.claim('a').then((claim) => {
    // @ts-expect-error it may be done, or somebody else's
    void claim.commit('sent')
    if (claim.kind === 'claimed') expectTypeOf(claim.commit).parameter(0).toEqualTypeOf<string | undefined>()
    if (claim.kind === 'done') expectTypeOf(claim.result).toEqualTypeOf<string | undefined>()
  })
})

test('a decision is an object, so an answer that nobody awaited is no permission', () => {
  const limiter = coordination.rateLimiter('api', { limit: 1, period: '1m' })
  expectTypeOf(limiter.consume('a')).resolves.toEqualTypeOf<LimitDecision>()
  // @ts-expect-error a promise has no such property
  if (limiter.consume('a').allowed) throw new Error('not reached')
})

test('primitives that cannot be open are not', () => {
  // @ts-expect-error two holders are no lock
  coordination.lock('reports', { failure: 'open' })
  // @ts-expect-error a sum that nobody has added
  coordination.counter('hits', { failure: 'open' })
  coordination.register('nonces', { failure: 'open' })
})

import { describe, expect, it } from 'vitest'

import { createCoordination, memoryCoordination } from '../../../src/coordination/index.ts'
import { codeOf, primitiveWorld } from './world.ts'

const volatile = { allowVolatile: true }

describe('watermark', () => {
  it('only moves on, to numbers or times', async () => {
    await using world = primitiveWorld()
    const marks = world.coordination.watermark('sync', volatile)
    expect(await marks.get('orders')).toBeUndefined()
    expect(await marks.advance('orders', -5.5)).toBe(true)
    expect(await marks.advance('orders', new Date(1000))).toBe(true)
    expect(await marks.advance('orders', 1000)).toBe(false)
    expect(await marks.advance('orders', 999)).toBe(false)
    expect(await marks.get('orders')).toBe(1000)
  })

  it('is where the one who came farthest has come, of many at once', async () => {
    await using world = primitiveWorld()
    const one = world.coordination.watermark('sync', volatile)
    const other = world.other.watermark('sync', volatile)
    const marks = Array.from({ length: 60 }, (_, i) => (i * 37) % 60)
    await Promise.all(marks.map((mark, i) => (i % 2 === 0 ? one : other).advance('orders', mark)))
    expect(await one.get('orders')).toBe(59)
  })

  it('never ends', async () => {
    await using world = primitiveWorld()
    const marks = world.coordination.watermark('sync', volatile)
    await marks.advance('orders', 1)
    await world.runtime.advance(1e12)
    expect(await marks.get('orders')).toBe(1)
  })

  it('begins again after a reset', async () => {
    await using world = primitiveWorld()
    const marks = world.coordination.watermark('sync', volatile)
    await marks.advance('orders', 5)
    expect(await marks.reset('orders')).toBe(true)
    expect(await marks.reset('orders')).toBe(false)
    expect(await marks.advance('orders', 1)).toBe(true)
  })

  it.each([Number.NaN, Infinity, new Date('never'), undefined])('refuses %s', async (to) => {
    await using world = primitiveWorld()
    await expect(world.coordination.watermark('sync', volatile).advance('o', to as number)).rejects.toThrow(RangeError)
    expect(world.switched.asked).toEqual([])
  })

  it('refuses a store that forgets, unless it is told to take it', async () => {
    await using world = primitiveWorld()
    expect(() => world.coordination.watermark('sync')).toThrow(expect.objectContaining({ code: 'ERR_CACHE_CONFIG' }))
    for (const capabilities of [
      { shared: true, durable: false },
      { shared: false, durable: true },
    ]) {
      const kept = Object.assign(memoryCoordination(), { capabilities })
      await using coordination = createCoordination({ store: kept })
      expect(() => coordination.watermark('sync')).not.toThrow()
    }
  })

  it.each(['closed', 'open', 'local'] as const)(
    'throws when the store cannot be asked, also in a coordination that is %s',
    async (failure) => {
      await using world = primitiveWorld({ failure })
      const marks = world.coordination.watermark('sync', volatile)
      world.switched.mood = 'fails'
      expect(await codeOf(marks.advance('orders', 1))).toBe('ERR_CACHE_UNAVAILABLE')
      expect(await codeOf(marks.get('orders'))).toBe('ERR_CACHE_UNAVAILABLE')
      expect(await codeOf(marks.reset('orders'))).toBe('ERR_CACHE_UNAVAILABLE')
    },
  )
})

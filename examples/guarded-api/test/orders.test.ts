import { expect, test } from 'vitest'
import { createCoordination } from 'tierwise/coordination'
import { deduplication } from 'tierwise/recipes'
import { OrderBook } from '../src/orders.ts'

test('an order whose process died before it was known to be done is not delivered again', async () => {
  await using coordination = createCoordination()
  let deliveries = 0
  const book = new OrderBook(coordination, async () => `delivery ${++deliveries}`)
  const first = await book.place('acme', { number: '4711', amount: 10 })
  await deduplication(coordination, { name: 'orders', entity: 'order' }).forget('acme:4711')
  expect(await book.place('acme', { number: '4711', amount: 10 })).toEqual(first)
  expect(await book.place('bell', { number: '4711', amount: 10 })).toMatchObject({ kind: 'placed' })
  expect(deliveries).toBe(2)
})

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

test('a payment that is handled again, because nobody knew that it had been, counts once', async () => {
  await using coordination = createCoordination()
  const book = new OrderBook(coordination, async () => 'delivered')
  await book.place('acme', { number: '4711', amount: 10 })
  const pay = (delivery: string): Promise<number | undefined> => book.pay('acme', '4711', { delivery, amount: 4 })
  expect([await pay('msg_1'), await pay('msg_1'), await pay('msg_2')]).toEqual([4, 4, 8])
  expect(await book.pay('bell', '4711', { delivery: 'msg_3', amount: 4 })).toBeUndefined()
})

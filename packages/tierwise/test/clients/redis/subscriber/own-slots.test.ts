import { expect, it } from 'vitest'
import { hasSlot, ownSlots } from '../../../../src/clients/redis/subscriber/own-slots.ts'

const nodes = [
  'aa 127.0.0.1:30001@31001 master - 0 1 1 connected 0-99',
  'bb 127.0.0.1:30002@31002,host.name myself,master - 0 1 2 connected 100-199 300 [12->-aa] [13-<-aa]',
  'cc 127.0.0.1:30003@31003 slave bb 0 1 2 connected',
  '',
].join('\n')

it('reads the slots of the node that answers, those that are on their way included while it owns them', () => {
  const slots = ownSlots(nodes)
  expect(slots).toEqual([
    [100, 199],
    [300, 300],
  ])
  expect([99, 100, 199, 200, 300, 301, 12].map((slot) => hasSlot(slots, slot))).toEqual([
    false,
    true,
    true,
    false,
    true,
    false,
    false,
  ])
})

it('finds none of a replica', () => {
  expect(ownSlots('cc 127.0.0.1:30003@31003 myself,slave bb 0 1 2 connected')).toEqual([])
  expect(ownSlots('')).toEqual([])
})

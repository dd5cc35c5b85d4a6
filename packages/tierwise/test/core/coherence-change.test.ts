import { expect, test } from 'vitest'
import { applyChangeOf } from '../../src/core/coherence.ts'
import { FlightTable } from '../../src/core/flight.ts'
import type { Namespace } from '../../src/core/namespace.ts'
import { TicketBook } from '../../src/core/tickets.ts'

const parts = (): Pick<Namespace, 'tickets' | 'flights' | 'local' | 'failures'> => ({
  tickets: new TicketBook(),
  flights: new FlightTable(),
  local: undefined,
  failures: { forget: () => undefined } as unknown as Namespace['failures'],
})

test.each([
  ['is done', (): Promise<string> => Promise.resolve('told')],
  ['fails', (): Promise<string> => Promise.reject(new Error('failed'))],
  [
    'throws',
    (): Promise<string> => {
      throw new Error('thrown')
    },
  ],
])('a key counts as changing until its change %s', async (_, tell) => {
  const ns = parts()
  let during: readonly string[] = []
  const change = applyChangeOf(ns as Namespace, { key: 'a', version: 5 }, () => {
    during = [...ns.tickets.keys()]
    return tell()
  })
  await change.catch(() => undefined)
  expect(during).toEqual(['a'])
  expect([...ns.tickets.keys()]).toEqual([])
})

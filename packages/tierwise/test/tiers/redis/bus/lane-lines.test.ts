import { expect, it } from 'vitest'

import { fakeRuntime } from '../../../../src/testing/index.ts'
import { Lane } from '../../../../src/tiers/redis/bus/lane.ts'
import { FakeLaneServer } from './fake-lane-server.ts'

it('proves nothing of the time in which the log was on its way', async () => {
  const runtime = fakeRuntime({ now: 0 })
  const server = new FakeLaneServer(() => runtime.clock.now())
  const told: string[] = []
  const lane = new Lane({
    runtime,
    source: 'me',
    read: async (from) => {
      const page = server.read(from)
      await new Promise<void>((resolve) => void runtime.timers.after(200, resolve))
      return page
    },
    isHeard: () => true,
    listener: {
      changed: (_, isOwn) => void told.push(isOwn ? 'own' : 'changed'),
      lost: () => void told.push('lost'),
      confirmed: (instant) => void told.push(`confirmed ${instant}`),
      diverged: () => void told.push('diverged'),
      overdue: () => void told.push('overdue'),
      failed: (reason) => void told.push(String(reason)),
    },
  })
  lane.resync()
  await runtime.advance(200)
  expect(told).toEqual(['lost', 'confirmed 0'])
  server.emit()
  lane.resync()
  await runtime.advance(200)
  expect(told.slice(2)).toEqual(['changed', 'confirmed 200'])
})

import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'

import { createCoordination } from '../../../src/coordination/index.ts'
import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { liveMetrics, type MetricMessage } from '../../../src/recipes/live-metrics.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { isWord, startChild } from '../../tiers/disk/child-process.ts'
import { bundledChild } from '../integration/bundled-child.ts'
import { liveMetricsCases } from '../integration/live-metrics-cases.ts'
import { onRedis } from '../integration/worlds.ts'

const server = await startRedis({ dedicated: true })
afterAll(() => server.stop())
const recorder = await bundledChild('recorder')

liveMetricsCases(onRedis(() => server))

describe('six processes that record into one series', () => {
  it('add up to all that they recorded, in every interval', async () => {
    const prefix = `tw-${randomUUID()}`
    const at = Date.UTC(2026, 0, 1)
    const children = Array.from({ length: 6 }, () => startChild(recorder, [server.url, prefix, '1000', String(at)]))
    await Promise.all(children.map((child) => child.message(isWord('ready'))))
    for (const child of children) child.process.send('go')
    await Promise.all(children.map((child) => child.ended))
    await using coordination = createCoordination({ store: redisCoordination({ url: server.url, prefix }) })
    await using metrics = liveMetrics(coordination, { now: () => at })
    for (const interval of ['1s', '5s', '1m', '5m', '1h'] as const) {
      const [series] = await metrics.snapshot({ from: at, interval })
      expect(series?.points).toEqual([{ at, count: 6000, sum: 3_003_000, min: 1, max: 1000, avg: 500.5, last: 1000 }])
    }
  })
})

describe('a subscriber whose connection is lost', () => {
  it('tells what was recorded meanwhile', async () => {
    const prefix = `tw-${randomUUID()}`
    const store = () => redisCoordination({ url: server.url, prefix, heartbeat: false })
    await using watching = createCoordination({ store: store(), timeout: '5s' })
    await using recording = createCoordination({ store: store(), timeout: '5s' })
    await using watcher = liveMetrics(watching, { flushEvery: 50 })
    await using writer = liveMetrics(recording, { flushEvery: 50 })
    const told: MetricMessage[] = []
    await watcher.subscribe({}, (message) => told.push(message))
    for (let round = 0; round < 5; round++) {
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      for (let i = 0; i < 10; i++) {
        writer.record('orders', 1)
        await writer.flush()
      }
    }
    const sum = (): number => {
      const last = new Map(told.flatMap((each) => (each.type === 'point' ? [[each.at, each.count]] : [])))
      return [...last.values()].reduce((all, count) => all + count, 0)
    }
    await until(() => sum() === 50, { what: 'all points' })
  })
})

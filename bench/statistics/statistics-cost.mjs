import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { openTelemetryMetrics } from 'tierwise/opentelemetry'
import { prometheusMetrics } from 'tierwise/prometheus'
import { redis } from 'tierwise/redis'
import { startRedis } from 'tierwise/testing'
import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { freshDriver } from '../lib/fresh-driver.mjs'
import { shuffledKeys, valueOf } from '../lib/payload.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('tierwise').CacheManager} CacheManager */
/** @typedef {import('tierwise').TierDefinition} TierDefinition */

/** Nothing is sent anywhere: what is asked here is what the cache pays. */
class SilentReader extends MetricReader {
  async onShutdown() {}
  async onForceFlush() {}
}

/** What watches the cache. @type {Readonly<Record<string, { statistics: boolean, attach?: (manager: CacheManager) => () => void }>>} */
const watchers = {
  'statistics off': { statistics: false },
  statistics: { statistics: true },
  'with Prometheus': {
    statistics: true,
    attach: (manager) => {
      const metrics = prometheusMetrics(manager, { register: new Registry() })
      return () => metrics.stop()
    },
  },
  'with OpenTelemetry': {
    statistics: true,
    attach: (manager) => {
      const provider = new MeterProvider({ readers: [new SilentReader()] })
      const metrics = openTelemetryMetrics(manager, { meter: provider.getMeter('tierwise') })
      return () => {
        metrics.stop()
        void provider.shutdown()
      }
    },
  },
}

/** Differences of a few hundredths need more rounds than factors do. */
const carefulPace = { ...fullPace, rounds: 41, turnMs: 60 }

/**
 * What it costs that hits are counted, sampled, timed and exported.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startRedis({ dedicated: true })
  try {
    const { host, port } = server
    return [
      await contest({ chain: () => [memory()], where: 'in memory', atLeast: 0.95, quick }),
      await contest({ chain: () => [redis({ host, port })], where: 'in Redis', atLeast: 0.9, quick }),
    ]
  } finally {
    await server.stop()
  }
}

/** @param {{ chain: () => TierDefinition[], where: string, atLeast: number, quick: boolean }} scenario @returns {Promise<Result>} */
async function contest({ chain, where, atLeast, quick }) {
  const isRemote = where === 'in Redis'
  const keys = shuffledKeys(quick ? 200 : isRemote ? 500 : 10_000)
  const stops = []
  const contestants = []
  for (const [name, { statistics, attach }] of Object.entries(watchers)) {
    const manager = createCacheManager({ tiers: chain(), statistics, defaults: { ttl: '1h' }, tierTimeout: '2s' })
    const detach = attach?.(manager)
    stops.push(async () => {
      detach?.()
      await manager.stop()
    })
    const cache = manager.namespace(name.replaceAll(' ', '_'))
    for (const key of keys) await cache.set(key, valueOf(key, 1))
    const { readInTurn } = await freshDriver(`statistics ${name}`)
    contestants.push({ name, pass: () => readInTurn((key) => /** @type {Promise<any>} */ (cache.get(key)), keys) })
  }
  try {
    const speeds = await alternate(contestants, quick ? quickPace : carefulPace)
    const claims = Object.keys(watchers)
      .slice(1)
      .map((name) => ({ name, against: 'statistics off', atLeast }))
    return {
      title: `get ${where}, watched and not`,
      work: `Awaits a get of each of ${keys.length.toLocaleString('en-US')} keys, ${where}, one after the other. Nothing listens to \`hit\`; nothing is scraped meanwhile.`,
      rows: speedRows(speeds, { operations: keys.length, claims, unit: isRemote ? 'Kops/s' : 'Mops/s' }),
    }
  } finally {
    for (const stop of stops) await stop()
  }
}

await runDirectly(import.meta.url, run)

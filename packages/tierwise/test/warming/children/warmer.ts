import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

/** What a warmer is told. */
export interface WarmerOrder {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly keys: number
  readonly msPerKey: number
}

const { name, host, port, keys, msPerKey } = JSON.parse(process.argv[2] ?? '') as WarmerOrder

const manager = createCacheManager({
  tiers: [memory(), redis({ host, port })],
  namespaces: { factors: { ttl: '1h', lease: '1s' } },
  tierTimeout: '2s',
})

const report = await manager.warm(
  {
    namespace: 'factors',
    keys: Array.from({ length: keys }, (_, at) => `k${at}`),
    load: async ({ key }) => {
      process.send?.({ name, loading: key })
      await new Promise((resolve) => setTimeout(resolve, msPerKey))
      return key
    },
  },
  { once: { name: 'start', takeover: '1s' }, concurrency: 2, batchSize: 5 },
)
await manager.stop()
process.send?.({ name, report })
process.disconnect()

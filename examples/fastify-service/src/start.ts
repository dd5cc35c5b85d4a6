import { setTimeout as sleep } from 'node:timers/promises'
import { cacheOptions, createApp } from './app.ts'
import type { ReportSource } from './app.ts'

/** A slow database of its own. */
const source: ReportSource = {
  async load(customer, id) {
    await sleep(Number(process.env['SOURCE_MS'] ?? 50))
    return { customer, id, total: id.length * 100 }
  },
}

const customers = new Map([
  ['key-of-acme', 'acme'],
  ['key-of-bell', 'bell'],
])
const app = createApp(source, { customers, cache: cacheOptions(process.env['REDIS_URL']) })

// Fastify takes no more requests, answers those it has, and then the plugin closes the cache.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void app.close().then(() => console.log('stopped')))

console.log(`serving at ${await app.listen({ port: Number(process.env['PORT'] ?? 0) })}`)

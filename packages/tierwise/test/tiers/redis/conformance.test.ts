import { spawn } from 'node:child_process'
import * as vitest from 'vitest'
import { afterAll, beforeAll } from 'vitest'
import { tierConformance } from '../../../src/testing/tier-conformance.ts'
import { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import { ioredisPorts } from './ioredis-port.ts'

const server = spawn('redis-server', ['--port', '7399', '--save', '', '--databases', '2000'], { stdio: 'ignore' })
beforeAll(() => new Promise((resolve) => setTimeout(resolve, 500)))
afterAll(() => void server.kill())
let db = 0
tierConformance({
  name: 'redis',
  runner: vitest,
  definition: () => {
    const number = db++
    return {
      name: 'redis',
      create: (context) =>
        new RedisTier(
          {
            ports: () => ioredisPorts({ port: 7399, db: number }),
            target: '',
            connectTimeoutMs: 5000,
            lanes: 64,
            tombstoneTtlMs: 300_000,
            maxReplicaLagMs: 5000,
          },
          context,
        ),
    }
  },
})

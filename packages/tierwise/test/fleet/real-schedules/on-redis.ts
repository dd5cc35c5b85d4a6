import { afterAll, beforeAll } from 'vitest'

import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { shareInstead } from '../../core/fleet/fleet.ts'
import { redisForFleets } from './redis-store.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  shareInstead(redisForFleets(server))
})
afterAll(() => server?.stop())

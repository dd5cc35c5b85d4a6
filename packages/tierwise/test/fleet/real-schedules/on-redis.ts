import { afterAll, beforeAll } from 'vitest'

import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { shareInstead } from '../../core/fleet/fleet.ts'
import { RedisForFleets } from './redis-store.ts'

let server: RedisServer | undefined
let port: RedisPort | undefined
let fleets: RedisForFleets | undefined

beforeAll(async () => {
  const started = await startRedis({ dedicated: true })
  server = started
  const { primary } = createRedisPorts({ url: started.url, client: 'ioredis' })
  port = primary
  await primary.connect()
  fleets = new RedisForFleets(started, () => primary.send({ args: ['FLUSHDB'] }))
  shareInstead(fleets)
})
afterAll(async () => {
  await fleets?.end()
  await port?.close()
  await server?.stop()
})

import { afterEach } from 'vitest'
import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { redisCoordination, type RedisCoordinationOptions } from '../../../src/coordination/redis/index.ts'

const stores: CoordinationStore[] = []
afterEach(async () => void (await Promise.all(stores.splice(0).map((store) => store.close()))))

/** A store that ends with the test. */
export function storeOf(options: RedisCoordinationOptions): CoordinationStore {
  const store = redisCoordination({ heartbeat: false, backoff: { initial: 5, max: 50 }, ...options })
  stores.push(store)
  return store
}

/** As `storeOf`, for a client or a manager that is there already. */
export function storeOver(options: RedisCoordinationOptions): CoordinationStore {
  const store = redisCoordination(options)
  stores.push(store)
  return store
}

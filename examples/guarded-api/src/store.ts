import { createCacheManager } from 'tierwise'
import type { CacheManager } from 'tierwise'
import { createCoordination } from 'tierwise/coordination'
import type { Coordination, CoordinationEvent } from 'tierwise/coordination'
import { redisCoordination } from 'tierwise/coordination/redis'
import { memory } from 'tierwise/memory'
import { redis } from 'tierwise/redis'
import type { Settings } from './settings.ts'

/** Where the service keeps what outlives a request. */
export interface Store {
  /** What must not be lost or counted twice: tokens, nonces, limits. */
  readonly coordination: Coordination
  /** What may be forgotten: responses of partners. */
  readonly cache: CacheManager
  stop(): Promise<void>
}

const prefix = 'guarded-api'

/**
 * In this process, or in a Redis that all processes share. Neither is opened here: a service that starts while its Redis is
 * away answers 503 where it has to know, and goes on by itself when Redis is there.
 */
export function createStore({ redisUrl, log }: Pick<Settings, 'redisUrl' | 'log'>): Store {
  const onEvent = (event: CoordinationEvent): void => {
    if (event.type === 'breaker') log(`the store is ${event.state === 'closed' ? 'back' : 'out of reach'}`)
  }
  const coordination = createCoordination(
    redisUrl === undefined
      ? { onEvent }
      : { onEvent, timeout: '500ms', store: redisCoordination({ url: redisUrl, prefix }) },
  )
  const cache = createCacheManager({
    tiers: redisUrl === undefined ? [memory()] : [memory(), redis({ url: redisUrl })],
    prefix,
    namespaces: { partner_responses: { maxTtl: '1d' } },
  })
  const stop = async (): Promise<void> => {
    await Promise.all([coordination.stop(), cache.stop()])
  }
  return { coordination, cache, stop }
}

import { channel } from 'node:diagnostics_channel'
import { readOptions, texts } from '../../base/option-reader.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { CacheEventType } from '../../contract/events.ts'
import { rareEvents } from '../rare-events.ts'

/** What `publishEvents` takes. */
export interface PublishEventsOptions {
  /** The events that are published. `hit` costs every hit an object. @default those that are rare */
  readonly types?: readonly CacheEventType[]
}

/**
 * Publishes events of a manager on the channels `tierwise:<type>` of `node:diagnostics_channel`, for tools that know
 * channels and not this library. Returns the function that ends it.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const stop = publishEvents(manager, { types: ['breaker', 'load'] })
 * stop()
 */
export function publishEvents(manager: CacheManager, options: PublishEventsOptions = {}): () => void {
  const { types = rareEvents } = readOptions<{ types: readonly string[] }>(options, 'publishEvents', { types: texts })
  const stops = [...new Set(types)].map((type) => {
    const target = channel(`tierwise:${type}`)
    return manager.on(type as CacheEventType, (event) => {
      // A channel reports what its subscribers throw by itself.
      if (target.hasSubscribers) target.publish(event)
    })
  })
  return () => {
    for (const stop of stops.splice(0)) stop()
  }
}

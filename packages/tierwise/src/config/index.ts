import type { CacheManager } from '../contract/cache.ts'
import { createCacheManager } from '../create-cache-manager.ts'
import { loadConfig } from './load-config.ts'
import type { ConfigSource } from './load-config.ts'
import type { TierwiseConfig } from './tierwise-config.ts'

export { ConfigFileError } from './config-issue.ts'
export type { ConfigIssue } from './config-issue.ts'
export { invalidateOn } from './invalidate-on.ts'
export type { InvalidationParameters, InvalidationReport, InvalidationRules } from './invalidate-on.ts'
export { loadConfig } from './load-config.ts'
export type { ConfigSource, LoadedConfig } from './load-config.ts'
export { printConfig } from './print-config.ts'
export { findConfig } from './read/find-config.ts'
export type * from './tierwise-config.ts'
export { warmingFromConfig } from './warming.ts'
export type { ConfiguredWarming, WarmingRules } from './warming.ts'

/** Returns the configuration as it is; an editor checks it and completes it. */
export function defineConfig(config: TierwiseConfig): TierwiseConfig {
  return config
}

/**
 * Reads a configuration and builds the manager that it describes. Nothing is opened yet.
 *
 * @throws ConfigFileError with everything that is wrong
 */
export async function createCacheManagerFromConfig(from?: ConfigSource): Promise<CacheManager> {
  const loaded = await loadConfig(from)
  return createCacheManager(await loaded.createOptions())
}

import type { CacheManager } from './contract/cache.ts'
import type { CacheManagerOptions } from './contract/options.ts'
import { createCacheManager } from './create-cache-manager.ts'
import { ConfigError } from './errors.ts'

/** Under a registered symbol, so that two copies of the package in one process share the one default. */
const slot = Symbol.for('tierwise.defaultManager')

type Holder = { [slot]?: CacheManager | undefined }

/**
 * Creates and starts the process-wide manager, from options or from the configuration file of this name; one that exists
 * is stopped first, unless these are wrong. Rejects when a tier cannot be opened.
 */
export async function initializeCacheManager(optionsOrConfigFile: CacheManagerOptions | string): Promise<CacheManager> {
  const options =
    typeof optionsOrConfigFile === 'string' ? await readOptionsOf(optionsOrConfigFile) : optionsOrConfigFile
  await shutdownCacheManager()
  const manager = createCacheManager(options)
  await manager.start()
  ;(globalThis as Holder)[slot] = manager
  return manager
}

/** The schema and the parser of files are loaded by those who have a file. */
async function readOptionsOf(file: string): Promise<CacheManagerOptions> {
  const { loadConfig } = await import('./config/index.ts')
  const loaded = await loadConfig({ file })
  return loaded.createOptions()
}

/** The process-wide manager. Throws a `ConfigError` ERR_CACHE_NOT_INITIALIZED before `initializeCacheManager`. */
export function getCacheManager(): CacheManager {
  const manager = (globalThis as Holder)[slot]
  if (manager !== undefined) return manager
  throw new ConfigError(
    'There is no default cache manager yet. Call `await initializeCacheManager({ tiers: [...] })` once when the application starts.',
    {
      code: 'ERR_CACHE_NOT_INITIALIZED',
    },
  )
}

/** Stops the process-wide manager, if there is one. */
export async function shutdownCacheManager(): Promise<void> {
  const manager = (globalThis as Holder)[slot]
  ;(globalThis as Holder)[slot] = undefined
  await manager?.stop()
}

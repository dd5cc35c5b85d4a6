import type { CacheManager } from './contract/cache.ts'
import type { CacheManagerOptions } from './contract/options.ts'
import type { ConfiguredWarming } from './config/index.ts'
import { createCacheManager } from './create-cache-manager.ts'
import { ConfigError } from './errors.ts'
import { accessTo } from './warming/manager-access.ts'

/** Under a registered symbol, so that two copies of the package in one process share the one default. */
const slot = Symbol.for('tierwise.defaultManager')

type Holder = { [slot]?: CacheManager | undefined }

/**
 * Creates and starts the process-wide manager, from options or from the configuration file of this name; one that exists
 * is stopped first, unless these are wrong. Rejects when a tier cannot be opened. What the file says under `warming` is
 * warmed in the background.
 */
export async function initializeCacheManager(optionsOrConfigFile: CacheManagerOptions | string): Promise<CacheManager> {
  const { options, warming } =
    typeof optionsOrConfigFile === 'string'
      ? await readFile(optionsOrConfigFile)
      : { options: optionsOrConfigFile, warming: undefined }
  await shutdownCacheManager()
  const manager = createCacheManager(options)
  await manager.start()
  ;(globalThis as Holder)[slot] = manager
  if (warming !== undefined) warmSoon(manager, warming)
  return manager
}

interface Initial {
  readonly options: CacheManagerOptions
  readonly warming: ConfiguredWarming | undefined
}

/** The schema and the parser of files are loaded by those who have a file. */
async function readFile(file: string): Promise<Initial> {
  const { loadConfig, warmingFromConfig } = await import('./config/index.ts')
  const loaded = await loadConfig({ file })
  const { config } = loaded
  const warming = config.warming?.onStart === true ? warmingFromConfig(config) : undefined
  return { options: await loaded.createOptions(), warming }
}

/** A warming that is refused does not refuse the start. */
function warmSoon(manager: CacheManager, { plan, options }: ConfiguredWarming): void {
  manager
    .warm(plan, options)
    .catch((error: unknown) => accessTo(manager).emit({ type: 'background-error', work: 'warming', error }))
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

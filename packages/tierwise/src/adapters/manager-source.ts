import { ConfigError, createCacheManager } from '../index.ts'
import type { ConfigSource } from '../config/index.ts'
import type { CacheManager, CacheManagerOptions } from '../index.ts'

/** Where the manager of an application comes from: exactly one of these. */
export interface ManagerSource {
  /** One that exists. Whoever takes it starts and stops it. */
  readonly manager?: CacheManager
  /** What one is created from. */
  readonly options?: CacheManagerOptions
  /** The configuration file that describes one, or where it is found. */
  readonly config?: string | ConfigSource
}

const names = ['manager', 'options', 'config'] as const

/**
 * The manager that is described; nothing is opened yet. `who` takes it, for messages.
 *
 * @throws ConfigError ERR_CACHE_OPTION when it is not exactly one of `manager`, `options` and `config`
 */
export async function managerFrom(source: ManagerSource, who: string): Promise<CacheManager> {
  const given = names.filter((name) => source[name] !== undefined)
  if (given.length !== 1)
    throw new ConfigError(
      `${who} needs one of \`manager\`, \`options\` and \`config\`, and was given ${given.join(' and ') || 'none'}.`,
      { code: 'ERR_CACHE_OPTION' },
    )
  if (source.manager !== undefined) return source.manager
  if (source.options !== undefined) return createCacheManager(source.options)
  // The schema and the parser of files are loaded by those who have a file.
  const { createCacheManagerFromConfig } = await import('../config/index.ts')
  return createCacheManagerFromConfig(typeof source.config === 'string' ? { file: source.config } : source.config)
}

import type { CacheManagerOptions } from '../contract/options.ts'
import { optionError } from '../base/option-reader.ts'
import { memory } from '../tiers/memory/index.ts'

/** Sizes and lives that fit common processes; spread one into the options of `createCacheManager` and change what differs. */
export type PresetName = 'memory' | 'high-performance' | 'memory-constrained'

const presets: Readonly<Record<PresetName, () => CacheManagerOptions>> = {
  memory: () => ({ tiers: [memory({ maxBytes: '100mb' })], defaults: { ttl: '5m' } }),
  'high-performance': () => ({
    tiers: [memory({ maxBytes: '500mb' })],
    defaults: { ttl: '5m', grace: '1h', refreshAhead: 0.8 },
  }),
  'memory-constrained': () => ({ tiers: [memory({ maxBytes: '20mb' })], defaults: { ttl: '30s' } }),
}

/** The options of a preset, made anew at each call. Throws a `ConfigError` for a name that is none. */
export function preset(name: PresetName): CacheManagerOptions {
  if (!Object.hasOwn(presets, name))
    throw optionError(
      'preset',
      name,
      `one of ${Object.keys(presets)
        .map((known) => `'${known}'`)
        .join(', ')}`,
    )
  return presets[name]()
}

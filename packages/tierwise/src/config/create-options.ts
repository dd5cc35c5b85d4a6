import type { CacheManagerOptions } from '../contract/options.ts'
import type { TierDefinition } from '../contract/tier.ts'
import { CacheError } from '../errors.ts'
import type { Findings } from './config-issue.ts'
import type { ResolvedConfig, TierConfig } from './tierwise-config.ts'
import { withoutValues } from './masking.ts'
import { memberOf } from './tree.ts'
import type { Branch } from './tree.ts'

/** Builds the tiers; what they refuse is thrown as a `ConfigFileError` with all of it. */
export async function createOptions(
  config: ResolvedConfig,
  tree: Branch,
  findings: Findings,
): Promise<CacheManagerOptions> {
  const tiers: TierDefinition[] = []
  for (const name of config.chain) {
    const options = config.tiers[name]
    if (options === undefined) continue
    const definition = await buildTier(name, options).catch((error: unknown) => {
      if (!(error instanceof CacheError) || error.code === 'ERR_CACHE_PEER_MISSING') throw error
      const at = memberOf(tree, 'tiers', name)?.at ?? { path: name }
      findings.onKey(at, { problem: `is refused: ${withoutValues(error.message, tree)}` })
    })
    if (definition !== undefined) tiers.push(definition)
  }
  findings.throwIfAny()
  return { ...managerOptions(config), tiers }
}

/** Only the module of its own type is loaded. */
async function buildTier(name: string, tier: TierConfig): Promise<TierDefinition> {
  switch (tier.type) {
    case 'memory': {
      const { memory } = await import('../tiers/memory/index.ts')
      return memory({ ...withoutType(tier), name })
    }
    case 'redis': {
      const { redis } = await import('../tiers/redis/index.ts')
      return redis({ ...withoutType(tier), name })
    }
    case 'disk': {
      const { disk } = await import('../tiers/disk/index.ts')
      return disk({ ...withoutType(tier), name })
    }
    case 'postgres': {
      const { postgres } = await import('../tiers/postgres/index.ts')
      return postgres({ ...withoutType(tier), name })
    }
    case 'postgres-views': {
      const { postgresViews } = await import('../tiers/postgres/index.ts')
      return postgresViews({ ...withoutType(tier), name })
    }
  }
}

function withoutType<T extends TierConfig>(tier: T): Omit<T, 'type'> {
  const { type: _type, ...options } = tier
  return options
}

/** What `createCacheManager` takes, without what only a file knows. */
function managerOptions(config: ResolvedConfig): Omit<CacheManagerOptions, 'tiers'> {
  const { tiers: _tiers, chain: _chain, preset: _preset, encryption, ...rest } = config
  const {
    warming: _warming,
    invalidation: _invalidation,
    monitoring: _monitoring,
    application: _own,
    ...options
  } = rest
  if (encryption === undefined) return options
  const keys = encryption.keys.map(({ id, secret }) => ({ id, secret: new Uint8Array(Buffer.from(secret, 'base64')) }))
  return { ...options, encryption: { keys } }
}

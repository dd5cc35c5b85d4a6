import type { NamespaceOptions } from '../contract/options.ts'
import type { TierCapabilities } from '../contract/tier.ts'

/** Who warms, and what is warmed already. */
export const claimsNamespace = 'tierwise.warming'
/** The keys that are read most, by namespace. */
export const hotKeysNamespace = 'tierwise.hot-keys'

/** A tier of the chain; one in memory has `isLocal`. */
export interface ChainTier {
  readonly name: string
  readonly isLocal: boolean
  readonly capabilities: TierCapabilities
}

/**
 * Options of the namespaces in which warming keeps its own records, whatever the application says about namespaces in
 * general. Claims are kept where all processes see them, in memory where there are no others.
 */
export function internalNamespaces(chain: readonly ChainTier[]): ReadonlyMap<string, NamespaceOptions> {
  const writable = chain.filter(({ isLocal, capabilities }) => !isLocal && capabilities.readOnly !== true)
  const shared = writable.filter(({ capabilities }) => capabilities.shared)
  const lasting = writable.filter(({ capabilities }) => capabilities.shared || capabilities.durable)
  const first = chain.filter(({ capabilities }) => capabilities.readOnly !== true).slice(0, 1)
  return new Map([
    [claimsNamespace, optionsIn(shared.length > 0 ? shared : first)],
    [hotKeysNamespace, optionsIn(lasting.length > 0 ? lasting : first)],
  ])
}

function optionsIn(tiers: readonly ChainTier[]): NamespaceOptions {
  return {
    ...(tiers.length === 0 ? {} : { tiers: tiers.map(({ name }) => name) }),
    tierTtl: Object.fromEntries(tiers.map(({ name }) => [name, '3650d'] as const)),
    coherence: 'bounded',
    sourceLag: false,
    ttl: '10m',
    grace: false,
    jitter: 0,
    refreshAhead: false,
    earlyRefresh: false,
    softTimeout: false,
    hardTimeout: false,
    negativeTtl: false,
    adaptiveTtl: false,
    writeMode: 'through',
    isolation: 'share',
    failure: 'open',
    governance: 'off',
    lease: '2s',
  }
}

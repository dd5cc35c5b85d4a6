import type { Configuration } from '../../configuration.ts'
import { millisecondsOf } from '../../units.ts'
import { tiersOf, type ConfiguredTier } from '../configured-tier.ts'

/** What a configuration needs of the Redis of one tier. */
export interface RedisNeeds {
  readonly prefix: string
  /** Namespaces whose instances tell each other of changes through it; `*` for those that are not listed. */
  readonly coherent: readonly string[]
  /** Namespaces with entries without an end. */
  readonly endless: readonly string[]
  /** Whether invalidations that it could not take survive the end of a process. */
  readonly hasJournal: boolean
  readonly tracks: boolean
  readonly topology: 'single' | 'sentinel' | 'cluster'
  readonly lanes: number
  /** Deadline of one operation in milliseconds. */
  readonly tierTimeoutMs: number
}

export function redisNeeds(tier: ConfiguredTier, configuration: Configuration): RedisNeeds {
  const { options } = tier
  const chain = tiersOf(configuration)
  const authority = chain.find((each) => each.type === 'redis' && each.options['scope'] !== 'host')
  const using = namespacesOn(tier.name, configuration)
  const guard = configuration.guards?.[tier.name]?.['tierTimeout'] ?? configuration.tierTimeout
  return {
    prefix: configuration.prefix ?? 'tw',
    coherent:
      authority?.name === tier.name ? using.filter((each) => optionOf(each, 'coherence') !== 'off').map(nameOf) : [],
    endless: using.filter((each) => optionOf(each, 'ttl') === 'forever').map(nameOf),
    hasJournal: chain.some(({ type }) => type === 'disk'),
    tracks: options['tracking'] !== undefined && options['tracking'] !== false,
    topology: options['cluster'] !== undefined ? 'cluster' : options['sentinel'] !== undefined ? 'sentinel' : 'single',
    lanes: Number(options['lanes'] ?? 64),
    tierTimeoutMs: millisecondsOf(guard) ?? 250,
  }

  function optionOf([, own]: Listed, option: string): unknown {
    const dataClass = configuration.governance?.dataClasses?.[String(own['dataClass'])]
    return own[option] ?? dataClass?.[option] ?? configuration.defaults?.[option]
  }
}

type Listed = readonly [name: string, options: Readonly<Record<string, unknown>>]

function nameOf([name]: Listed): string {
  return name
}

/** The namespaces that use a tier, and `*` for all that may come besides. */
function namespacesOn(tier: string, { namespaces = {}, strictNamespaces }: Configuration): readonly Listed[] {
  const listed = Object.entries(namespaces).filter(([, { tiers }]) => !Array.isArray(tiers) || tiers.includes(tier))
  return strictNamespaces === true ? listed : [...listed, ['*', {}]]
}

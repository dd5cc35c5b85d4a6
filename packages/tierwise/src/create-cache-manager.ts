import { managerTable } from './core/manager-options.ts'
import type { ManagerSettings } from './core/manager-options.ts'
import { duration, optionError, readOptions } from './base/option-reader.ts'
import { systemRuntime } from './base/runtime.ts'
import type { BusDefinition } from './contract/bus.ts'
import type { CacheManager } from './contract/cache.ts'
import type { CacheManagerOptions } from './contract/options.ts'
import type { VersionSource } from './contract/authority.ts'
import type { Runtime } from './contract/runtime.ts'
import type { TierDefinition } from './contract/tier.ts'
import { ProcessAuthority } from './core/process-authority.ts'
import { Background } from './core/background.ts'
import { TieredCacheManager } from './core/cache-manager.ts'
import type { ManagerParts } from './core/cache-manager.ts'
import { createChain, readJournal } from './core/chain.ts'
import type { Chain } from './core/chain.ts'
import { Fleet } from './core/fleet/fleet.ts'
import { canDemoteTo } from './core/demotion-tier.ts'
import { Emitter } from './core/emitter.ts'
import { defaultGuard, mergeGuard, readGuards } from './core/guard/guard-options.ts'
import type { GuardSettings } from './core/guard/guard-options.ts'
import type { GuardedTier, OpenedTier } from './core/guard/guarded-tier.ts'
import { namespaceIn } from './core/key.ts'
import { Lifecycle } from './core/lifecycle.ts'
import type { Engine } from './core/namespace.ts'
import { readGovernance } from './core/namespace-options.ts'
import { defaultCoherence, resolveNamespace } from './core/namespace-policy.ts'
import type { PolicyContext } from './core/namespace-policy.ts'
import { namespacePolicies } from './core/policies.ts'
import type { NamespacePolicy } from './core/policy.ts'
import { Statistics } from './core/statistics.ts'
import { TierTally } from './core/tier-tally.ts'
import { TagTable } from './core/tags/tags.ts'
import { WriteBehind } from './core/write-behind.ts'
import { ConfigError } from './errors.ts'
import { hotKeysNamespace, internalNamespaces } from './warming/internal-namespaces.ts'
import { giveAccess } from './warming/manager-access.ts'
import type { ManagerAccess } from './warming/manager-access.ts'
import { warm } from './warming/warm.ts'

/**
 * Builds a manager over a chain of tiers, fastest first. Nothing is opened yet: the first use does it, or `start()`,
 * which also tells when a tier cannot be opened.
 *
 * Throws a `ConfigError` for every wrong option, naming its path, its value and what is allowed.
 *
 * @example
 * const manager = createCacheManager({ tiers: [memory({ maxBytes: '100mb' })] })
 * const users = manager.namespace<User>('users')
 */
export function createCacheManager(options: CacheManagerOptions): CacheManager {
  const settings = readSettings(options)
  const tierNames = checkTiers(options.tiers)
  const runtime: Runtime = { ...systemRuntime(), ...options.runtime }
  const emitter = new Emitter()
  const tally = new TierTally(emitter)
  const statistics = settings.statistics ? new Statistics(runtime) : undefined
  const versions = new ProcessAuthority(runtime.clock, () => storeOffsetMs(chain))

  const onOpen = async ({ name, highestVersion, tags }: OpenedTier): Promise<void> => {
    versions.observe(highestVersion)
    if (name === chain.journal?.tier) await chain.journal.load()
    if (tags !== undefined) await tagTable.attach(tags)
    if (name === fleet?.tier?.name) fleet.start()
  }
  const guards = readGuards(options.guards, 'options.guards', { names: tierNames, base: settings.guard })
  const chain = createChain(options.tiers, {
    runtime,
    emitter,
    settings,
    guards,
    onOpen,
    maxStalenessMs: () => longestStalenessMs(options),
    nextVersion: () => versions.nextVersion(),
    forget: async (prefix) => (await tagTable.invalidate([namespaceIn(prefix)])).isRemembered,
  })
  const tagTable = new TagTable(firstTagClock(chain.tiers, runtime.clock), runtime.timers)
  const fleet = createFleet(chain, {
    runtime,
    emitter,
    tagTable,
    versions,
    given: options.bus,
    hasPendingWrites: (): boolean => !engine.writeBehind.isIdle,
  })
  tagTable.onInvalidate((names, clock) => fleet?.announce([{ kind: 'tags', names, clock }]))
  const policies = resolvePolicies(options, { chain, tierNames, prefix: settings.prefix })
  const proofMs = settings.guard.timeoutMs
  const lifecycle = createLifecycle({ options, chain, fleet, tagTable, emitter, statistics, proofMs })
  const engine = createEngine({ runtime, emitter, versions, fleet, tagTable, statistics }, { settings, lifecycle })
  const beforeStop = new Set<() => Promise<void>>()
  const manager = new TieredCacheManager({
    engine,
    chain,
    lifecycle,
    ...policies,
    strict: settings.strictNamespaces,
    tally,
    requiredTiers: checkRequired(settings.requiredTiers, tierNames),
    warm,
    beforeStop,
  })
  giveAccess(manager, accessOf({ engine, chain, ...policies, tierNames, beforeStop }))
  return manager
}

interface Accessible extends Pick<ManagerParts, 'engine' | 'chain' | 'policies' | 'internal'> {
  readonly tierNames: readonly string[]
  readonly beforeStop: Set<() => Promise<void>>
}

/** What warming needs to know that callers do not. */
function accessOf({ engine, chain, policies, internal, tierNames, beforeStop }: Accessible): ManagerAccess {
  const { statistics } = engine
  const memory = chain.local?.name
  return {
    runtime: engine.runtime,
    get isStopped() {
      return engine.isStopped
    },
    hotKeys: {
      hotKeys: (namespace) => statistics?.hotKeysOf(namespace) ?? [],
      namespaces: () => statistics?.namespaces ?? [],
    },
    memory,
    keepsRecords: memory === undefined || internal.get(hotKeysNamespace)?.tiers?.includes(memory) !== true,
    tiersOf: (namespace) => {
      const own = policies.get(namespace)?.tiers ?? tierNames
      return tierNames.filter((name) => own.includes(name))
    },
    emit: (event) => engine.emitter.emit(event),
    beforeStop: (work) => {
      beforeStop.add(work)
      return () => beforeStop.delete(work)
    },
  }
}

/** What all namespaces share. */
function createEngine(
  parts: Pick<Engine, 'runtime' | 'emitter' | 'versions' | 'fleet' | 'tagTable' | 'statistics'>,
  { settings, lifecycle }: { readonly settings: ManagerSettings; readonly lifecycle: Lifecycle },
): Engine {
  return {
    ...parts,
    background: new Background(parts.emitter),
    writeBehind: new WriteBehind(settings.maxPendingWrites),
    refreshes: { running: 0, most: settings.maxRefreshes },
    prefix: settings.prefix,
    ready: () => lifecycle.ready(),
    get isStopped() {
      return lifecycle.state === 'stopped'
    },
  }
}

interface LifecycleParts {
  readonly options: CacheManagerOptions
  readonly chain: Chain
  readonly fleet: Fleet | undefined
  readonly tagTable: TagTable
  readonly emitter: Emitter
  readonly statistics: Statistics | undefined
  /** How long a start waits for the first proof of the bus. */
  readonly proofMs: number
}

function createLifecycle({ options, chain, fleet, tagTable, emitter, statistics, proofMs }: LifecycleParts): Lifecycle {
  return new Lifecycle({
    tiers: chain.tiers,
    emitter,
    prepare: async () => {
      await prepareCodecs(options, chain)
      readJournal(chain)
    },
    prove: () => fleet?.firstProof(proofMs) ?? Promise.resolve(),
    seal: () => {
      tagTable.seal()
      statistics?.start()
      // The bus of a tier starts when the tier is open.
      if (fleet !== undefined && fleet.tier === undefined) fleet.start()
    },
  })
}

function resolvePolicies(
  options: CacheManagerOptions,
  parts: { readonly chain: Chain; readonly tierNames: readonly string[]; readonly prefix: string },
): Pick<ManagerParts, 'policies' | 'policyOf' | 'internal'> {
  const { chain, tierNames, prefix } = parts
  const context: PolicyContext = {
    defaults: options.defaults,
    governance: readGovernance(options.governance),
    tierNames,
    rawTiers: chain.tiers.filter((tier) => tier.canBeRaw).map((tier) => tier.name),
    memory: chain.local?.name,
    demotionTiers: chain.tiers.filter(canDemoteTo).map((tier) => tier.name),
    prefix,
    isEncrypted: options.encryption !== undefined,
  }
  // A wrong default is found now, also when no namespace is listed.
  resolveNamespace('default', undefined, context)
  const policyOf = (name: string): NamespacePolicy => resolveNamespace(name, undefined, context)
  const internal = new Map(
    [...internalNamespaces(chainTiers(chain))].map(([name, own]) => [name, resolveNamespace(name, own, context)]),
  )
  return { policies: namespacePolicies(options, context), policyOf, internal }
}

function chainTiers({ local, tiers }: Chain): Parameters<typeof internalNamespaces>[0] {
  const memory = local === undefined ? [] : [{ name: local.name, isLocal: true, capabilities: local.tier.capabilities }]
  return [...memory, ...tiers.map(({ name, capabilities }) => ({ name, isLocal: false, capabilities }))]
}

function readSettings(options: CacheManagerOptions): ManagerSettings & { readonly guard: GuardSettings } {
  if (typeof options !== 'object' || options === null) throw optionError('options', options, 'an object of options')
  const own = readOptions(options, 'options', managerTable)
  return {
    strictNamespaces: false,
    prefix: 'tw',
    maxRefreshes: 64,
    maxPendingWrites: 10_000,
    statistics: true,
    requiredTiers: [],
    ...own,
    guard: mergeGuard(defaultGuard, own),
  }
}

/** How long an instance may serve from memory without a proof: the others wait for so long at a barrier. */
function longestStalenessMs({ defaults, namespaces }: CacheManagerOptions): number {
  const asked = { defaults, ...namespaces }
  const given = Object.entries(asked).flatMap(([name, options]) =>
    options?.maxStaleness === undefined ? [] : [duration(options.maxStaleness, `${name}.maxStaleness`)],
  )
  return Math.max(defaultCoherence.maxStalenessMs, ...given)
}

/** The first shared tier that knows how far its clock is ahead sets the clock of the versions. */
function storeOffsetMs(chain: Chain): number {
  for (const { capabilities, clockOffsetMs } of chain.tiers)
    if (capabilities.shared && clockOffsetMs !== undefined) return clockOffsetMs
  return 0
}

/**
 * Where every tier keeps the table of tags, none is read before its clock is known, and what is kept in memory until then
 * may count as older than everything: a host whose clock is ahead must not push that of the tiers ahead of their own time,
 * or a server that has lost its last steps takes them again.
 */
function firstTagClock(tiers: readonly GuardedTier[], clock: Runtime['clock']): number {
  // protocol P6 tag-clock-own: the clock of a host is not that of the store
  const areKept = tiers.length > 0 && tiers.every(({ capabilities }) => capabilities.tags || capabilities.readOnly)
  return areKept ? 0 : Math.floor(clock.now() * 1000)
}

/** The first shared tier that gives versions and leases, else the first that tells of changes. */
function createFleet(
  chain: Chain,
  parts: {
    readonly runtime: Runtime
    readonly emitter: Emitter
    readonly tagTable: TagTable
    readonly versions: VersionSource
    readonly given: BusDefinition | undefined
    readonly hasPendingWrites: () => boolean
  },
): Fleet | undefined {
  const shared = chain.tiers.filter(({ capabilities, bus }) => capabilities.shared && bus !== undefined)
  const tier = shared.find(({ authority }) => authority !== undefined) ?? shared[0]
  if (tier !== undefined && parts.given !== undefined)
    throw new ConfigError(
      `\`options.bus\` is given, but the tier ${tier.name} tells of changes itself. Leave one of them out.`,
      { code: 'ERR_CACHE_CONFIG', tier: tier.name },
    )
  const bus = parts.given?.create(parts.runtime) ?? tier?.bus
  if (bus === undefined) return undefined
  return new Fleet({
    timers: parts.runtime.timers,
    emitter: parts.emitter,
    tagTable: parts.tagTable,
    tier,
    bus,
    localTiers: chain.tiers.filter(({ capabilities }) => !capabilities.shared || capabilities.readOnly === true),
    journal: chain.journal,
    hasPendingWrites: parts.hasPendingWrites,
    now: () => parts.runtime.clock.now(),
    observe: (version) => parts.versions.observe(version),
    nextVersion: () => parts.versions.nextVersion(),
  })
}

function checkRequired(names: readonly string[], tierNames: readonly string[]): readonly string[] {
  const unknown = names.findIndex((name) => !tierNames.includes(name))
  if (unknown !== -1)
    throw optionError(`options.requiredTiers[${unknown}]`, names[unknown], `one of ${tierNames.join(', ')}`)
  return names
}

function checkTiers(tiers: readonly TierDefinition[]): readonly string[] {
  if (!Array.isArray(tiers) || tiers.length === 0)
    throw optionError('options.tiers', tiers, 'a list with at least one tier, for example [memory()]')
  const identities = new Map<string, string>()
  for (const [index, tier] of (tiers as readonly TierDefinition[]).entries()) {
    if (typeof tier?.create !== 'function')
      throw optionError(`options.tiers[${index}]`, tier, 'a tier, made by memory(), disk() or your own definition')
    for (const identity of [`name ${tier.name}`, ...(tier.identity === undefined ? [] : [`store ${tier.identity}`])]) {
      const other = identities.get(identity)
      if (other !== undefined)
        throw new ConfigError(
          `\`options.tiers[${index}]\` (${tier.name}) and ${other} are the same ${identity.split(' ')[0]}. Two tiers must differ in both.`,
          { code: 'ERR_CACHE_CONFIG', tier: tier.name },
        )
      identities.set(identity, `\`options.tiers[${index}]\` (${tier.name})`)
    }
  }
  return tiers.map((tier) => tier.name)
}

/** Codecs are loaded when a chain has byte tiers, so that a memory-only cache does not pay for their import. */
async function prepareCodecs(options: CacheManagerOptions, chain: Chain): Promise<void> {
  if (chain.tiers.length === 0) return
  const { createEnvelope, loadValueCodec } = await import('./codecs/index.ts')
  const codec = await loadValueCodec(options.codec ?? 'msgpack')
  const readers = await Promise.all([loadValueCodec('msgpack'), loadValueCodec('json')])
  for (const tier of chain.tiers) {
    const compression = options.tiers.find(({ name }) => name === tier.name)?.compression
    tier.useEnvelope(
      createEnvelope({
        codec,
        readers,
        ...(compression === undefined ? {} : { compression }),
        // Frames of a source are made and read in this process.
        ...(options.encryption === undefined || tier.capabilities.readOnly === true
          ? {}
          : { encryption: options.encryption }),
      }),
    )
  }
}

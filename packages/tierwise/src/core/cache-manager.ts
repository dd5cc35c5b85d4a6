import type {
  Cache,
  CacheManager,
  ClearOptions,
  InNamespace,
  InvalidateTagsOptions,
  WriteResult,
} from '../contract/cache.ts'
import type { Loader } from '../contract/loader.ts'
import type { Analytics } from '../contract/analytics.ts'
import type { Health } from '../contract/health.ts'
import type { CacheEventOf, CacheEventType } from '../contract/events.ts'
import type { GovernanceReport } from '../contract/governance.ts'
import type { Coherence, LoadOptions, ReadOptions, WriteOptions } from '../contract/options.ts'
import type { LocalEntry, LocalSpace, SpaceOptions } from '../contract/tier.ts'
import type { Warming, WarmingOptions, WarmingTask } from '../contract/warming.ts'
import { texts, unknownName } from '../base/option-reader.ts'
import { governanceReport } from '../governance/report.ts'
import { analyse, statsOf } from './analytics.ts'
import { CallPolicies } from './call-policies.ts'
import { NamespaceCache } from './cache.ts'
import type { Chain } from './chain.ts'
import { changeAll } from './coherence.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { clearNamespace, clearRest } from './clear.ts'
import { refuseMissed } from './invalidate.ts'
import { resolveClear, resolveTagInvalidation } from './invalidation-options.ts'
import { examine } from './health.ts'
import { checkNamespaceName, storagePrefix } from './key.ts'
import { demote } from './demotion.ts'
import type { Lifecycle } from './lifecycle.ts'
import { Namespace, stopped } from './namespace.ts'
import type { Engine, LocalPart } from './namespace.ts'
import type { NamespacePolicy } from './policy.ts'
import { refuseUnbounded } from './raw/raw-policy.ts'
import { rawEnvelope } from './raw/raw-envelope.ts'
import type { Instant } from './raw/raw-tier.ts'
import { Sharing } from './fleet/sharing.ts'
import type { KeySamples } from '../statistics/key-samples.ts'
import type { TierTally } from './tier-tally.ts'
import { untold } from './tags/tag-outcome.ts'
import { NamespaceTags } from './tags/tags.ts'
import { TenantedCache } from './tenants/tenanted-cache.ts'

export interface ManagerParts {
  readonly engine: Engine
  readonly chain: Chain
  readonly lifecycle: Lifecycle
  /** Policies of the listed namespaces by name, and how the others get theirs. */
  readonly policies: ReadonlyMap<string, NamespacePolicy>
  readonly policyOf: (name: string) => NamespacePolicy
  /** Policies of the namespaces in which the library keeps its own records; they need not be listed. */
  readonly internal: ReadonlyMap<string, NamespacePolicy>
  readonly warm: (manager: CacheManager, ...plan: Parameters<CacheManager['warm']>) => Warming
  /** What `stop` waits for while the tiers can still be used. */
  readonly beforeStop: ReadonlySet<() => Promise<void>>
  readonly strict: boolean
  readonly tally: TierTally
  /** Tiers without which `health` says that the manager is down. */
  readonly requiredTiers: readonly string[]
}

interface View {
  readonly ns: Namespace
  readonly cache: NamespaceCache<unknown>
  /** What is handed out. */
  readonly facade: Cache<unknown>
}

/** All namespaces over one chain, with one life cycle. */
export class TieredCacheManager implements CacheManager {
  readonly #parts: ManagerParts
  readonly #views = new Map<string, View>()
  readonly #since: number
  #stopping: Promise<void> | undefined

  constructor(parts: ManagerParts) {
    this.#parts = parts
    this.#since = parts.engine.runtime.clock.now()
    parts.engine.emitter.watch(() => {
      for (const { cache } of this.#views.values()) cache.watch()
    })
    parts.engine.tagTable.onClear((namespace) => this.#forget(namespace))
    parts.engine.emitter.on('evict', ({ namespace, count }) => {
      const view = this.#views.get(namespace)
      if (view !== undefined) view.ns.stats.evictions += count
    })
  }

  namespace<V = unknown>(name: string): Cache<V> {
    return (this.#views.get(name) ?? this.#createView(name)).facade as Cache<V>
  }

  async start(): Promise<void> {
    const { chain } = this.#parts
    await this.#ready('start')
    const results = await Promise.allSettled(chain.tiers.map((tier) => tier.open()))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) return
    await this.stop()
    throw failed.reason
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async health(options?: { readonly deep?: boolean }): Promise<Health> {
    const { engine, lifecycle, chain, requiredTiers } = this.#parts
    const isDeep = options?.deep === true && lifecycle.state !== 'stopped'
    if (isDeep) await engine.ready()
    return examine({ engine, state: lifecycle.state, chain, requiredTiers, isDeep })
  }

  analytics(): Analytics {
    const { chain, engine } = this.#parts
    const namespaces = [...new Set(this.#views.values())].map(({ ns }) => ns)
    const { tally } = this.#parts
    const { statistics } = engine
    return analyse({ chain, namespaces, tally, statistics, since: this.#since, now: engine.runtime.clock.now() })
  }

  governanceReport(): GovernanceReport {
    const governed = [...new Set(this.#views.values())].map(({ ns }) => ({
      name: ns.name,
      governor: ns.governor,
      rules: ns.policy.rules,
      ttlMs: ns.policy.ttlMs,
      quota: ns.local && {
        entries: ns.local.space.size,
        maxEntries: ns.policy.maxEntries,
        bytes: ns.local.space.bytes,
        maxBytes: ns.policy.maxBytes,
      },
    }))
    return governanceReport(this.#parts.engine.runtime.clock.now(), governed)
  }

  warm(plan: WarmingTask | readonly WarmingTask[], options?: WarmingOptions): Warming {
    return this.#parts.warm(this, plan, options)
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void> {
    texts(tags, 'tags')
    const { isStrict } = resolveTagInvalidation(options)
    await this.#ready('invalidateTags')
    const { engine, chain } = this.#parts
    const outcome = await engine.tagTable.invalidate(
      tags.map((tag) => `:${tag}`),
      chain.tiers,
    )
    engine.emitter.emit({ type: 'invalidate', namespace: '*', scope: 'tags', targets: tags, count: 0 })
    if (isStrict) refuseMissed(untold(chain.tiers, outcome), { operation: 'invalidateTags', namespace: '*' })
  }

  async clear(options?: ClearOptions): Promise<void> {
    const { isHard, isStrict } = resolveClear(options)
    await this.#ready('clear')
    for (const name of this.#parts.policies.keys()) this.namespace(name)
    const namespaces = new Set([...this.#views.values()].map(({ ns }) => ns))
    for (const { name, policy } of namespaces) if (policy.raw?.keyPrefix === '') refuseUnbounded(name, 'clear')
    const { engine, chain } = this.#parts
    const missed = await Promise.all([...namespaces].map((ns) => clearNamespace(ns, isHard)))
    // What no namespace of this process has touched yet.
    missed.push(await clearRest(engine, { tiers: chain.tiers, prefix: storagePrefix(engine.prefix), isHard }))
    if (isStrict) refuseMissed([...new Set(missed.flat())], { operation: 'clear', namespace: '*' })
  }

  on<T extends CacheEventType>(type: T, listener: (event: CacheEventOf<T>) => void): () => void {
    return this.#parts.engine.emitter.on(type, listener)
  }

  get<V = unknown>(key: string, options: ReadOptions & InNamespace): Promise<V | undefined> {
    const { namespace, ...read } = options
    return this.namespace<V>(namespace).get(key, read)
  }

  getOrSet<V>(key: string, loader: Loader<V>, options: LoadOptions & InNamespace): Promise<V> {
    const { namespace, ...load } = options
    return this.namespace<V>(namespace).getOrSet(key, loader, load)
  }

  set(key: string, value: unknown, options: WriteOptions & InNamespace): Promise<WriteResult> {
    const { namespace, ...write } = options
    return this.namespace(namespace).set(key, value, write)
  }

  delete(key: string, options: InNamespace): Promise<boolean> {
    return this.namespace(options.namespace).delete(key)
  }

  /** Another process has cleared a namespace, or all of them when the name is empty. */
  #forget(namespace: string): void {
    for (const { ns } of this.#views.values()) if (namespace === '' || ns.name === namespace) changeAll(ns)
  }

  async #ready(operation: string): Promise<void> {
    if (this.#parts.lifecycle.state === 'stopped') throw stopped(operation, '*')
    await this.#parts.engine.ready()
  }

  #createView(name: string): View {
    checkNamespaceName(name)
    const { policies, policyOf, internal, strict, chain } = this.#parts
    if (strict && !policies.has(name) && !internal.has(name))
      throw unknownName(`namespaces.${name}`, name, [...policies.keys()])
    const policy = policies.get(name) ?? internal.get(name) ?? policyOf(name)
    const known = this.#views.get(policy.name)
    if (known !== undefined) return this.#remember(name, known)
    const ns = this.#createNamespace(policy)
    const cache = new NamespaceCache<unknown>(ns, new CallPolicies(policy, policy.tiers ?? chain.names))
    const view = { ns, cache, facade: policy.hasTenants ? new TenantedCache({ ns, cache }) : cache }
    return this.#remember(name, this.#remember(policy.name, view))
  }

  #createNamespace(policy: NamespacePolicy): Namespace {
    const { engine, chain } = this.#parts
    const tags = new NamespaceTags(engine.tagTable, policy.name)
    const samples = engine.statistics?.newSamples()
    const onEvict = policy.demotion ? (key: string, entry: LocalEntry): void => demote(ns, key, entry) : undefined
    const local = this.#localOf(policy, { tags, samples, onEvict })
    const tiers = chain.tiers.filter((tier) => mayUse(policy, tier.name))
    const sharing = this.#sharingOf(policy, { tiers, space: local?.space })
    const ns = new Namespace(engine, policy, { local, tiers: this.#viewsOf(tiers, policy), tags, sharing, samples })
    if (samples !== undefined) engine.statistics?.watch(ns.name, () => statsOf(ns), samples)
    engine.fleet?.register(ns)
    return ns
  }

  /** Its part of memory; undefined where it has none. */
  #localOf(
    policy: NamespacePolicy,
    {
      tags,
      samples,
      onEvict,
    }: Pick<SpaceOptions, 'onEvict'> & {
      readonly tags: NamespaceTags
      readonly samples: KeySamples | undefined
    },
  ): LocalPart | undefined {
    const { local } = this.#parts.chain
    if (local === undefined || !mayUse(policy, local.name)) return undefined
    const { maxBytes, maxEntries, reservedBytes } = policy
    const onSample = samples && this.#parts.engine.statistics?.onSample(samples)
    const space = local.tier.space({
      namespace: policy.name,
      maxBytes,
      maxEntries,
      reservedBytes,
      tagClock: tags,
      onSample,
      onEvict,
    })
    return { name: local.name, space }
  }

  /** How the namespace agrees with other processes; undefined where it does not. */
  #sharingOf(
    policy: NamespacePolicy,
    { tiers, space }: { readonly tiers: readonly GuardedTier[]; readonly space: LocalSpace | undefined },
  ): Sharing | undefined {
    const { fleet } = this.#parts.engine
    if (fleet === undefined || modeOf(policy) === 'off') return undefined
    const shared = tiers.find((tier) => tier.name === fleet.tier?.name)
    if (fleet.tier !== undefined && shared === undefined) return undefined
    return new Sharing({
      proofs: fleet.proofs,
      arrivals: fleet.arrivals,
      floorOf: (key) => fleet.floorOf(key),
      authority: shared?.authority,
      tier: shared?.authority === undefined ? undefined : shared.name,
      maxStalenessMs: modeOf(policy) === 'eventual' ? Infinity : policy.maxStalenessMs,
      leaseMs: policy.leaseMs,
      holdMs: policy.holdMs,
      coldMs: policy.sourceLagMs,
      space,
      now: () => this.#parts.engine.runtime.clock.now(),
    })
  }

  /** The tiers as a namespace sees them: whole, or their plain keys. */
  #viewsOf(tiers: readonly GuardedTier[], { raw }: NamespacePolicy): readonly GuardedTier[] {
    if (raw === undefined) return tiers
    const { runtime, versions } = this.#parts.engine
    const now = (): Instant => ({ askedAt: runtime.clock.now(), version: versions.instant() })
    const envelope = rawEnvelope(raw.values)
    return tiers.flatMap((tier) => tier.rawView({ envelope, now, plainPrefix: raw.keyPrefix }) ?? [])
  }

  #remember(name: string, view: View): View {
    this.#views.set(name, view)
    return view
  }

  async #stopOnce(): Promise<void> {
    const { lifecycle, engine, chain, beforeStop } = this.#parts
    if (beforeStop.size > 0) await Promise.allSettled([...beforeStop].map((work) => work()))
    const ended = lifecycle.end()
    for (const { ns } of this.#views.values()) this.#abortLoads(ns)
    await ended
    await engine.writeBehind.settled()
    await engine.background.settled()
    await engine.tagTable.close()
    await engine.fleet?.stop()
    engine.statistics?.stop()
    // The tier that keeps the notes goes last: the others still note what they could not deliver.
    const keepsNotes = ({ name }: GuardedTier): boolean => name === chain.journal?.tier
    await Promise.all(chain.tiers.filter((tier) => !keepsNotes(tier)).map((tier) => tier.close()))
    await chain.tiers.find(keepsNotes)?.close()
    chain.local?.tier.close()
    engine.emitter.emit({ type: 'lifecycle', state: 'stopped' })
    engine.emitter.clear()
  }

  #abortLoads(ns: Namespace): void {
    const reason = stopped('getOrSet', ns.name)
    ns.flights.detachAll()
    for (const flight of ns.running) flight.abort(reason)
  }
}

function mayUse({ tiers }: NamespacePolicy, tier: string): boolean {
  return tiers === undefined || tiers.includes(tier)
}

/** Plain values carry no version; other code writes them. */
function modeOf({ coherence, raw }: NamespacePolicy): Coherence {
  return raw === undefined ? (coherence ?? 'bounded') : 'off'
}

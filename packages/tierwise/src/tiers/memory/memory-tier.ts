import type { EvictReason } from '../../contract/events.ts'
import type {
  LocalSpace,
  LocalTier,
  SpaceOptions,
  TierCapabilities,
  TierContext,
  TierUsage,
} from '../../contract/tier.ts'
import { ConfigError } from '../../errors.ts'
import { HitSampler } from './hit-sampler.ts'
import type { Measure } from './lazy-tiny-lfu.ts'
import { MemorySpace } from './space.ts'
import type { Holdings, SpaceLimits, Surroundings } from './space.ts'
import { Upkeep } from './upkeep.ts'

export interface MemoryLimits {
  readonly maxBytes: number
  readonly maxEntries: number
}

/** One value may take this part of the budget, so that an insertion never empties the cache. */
const mostShare = 1 / 8
/** Below this part of an equal share a space takes room from others without a duel: enough to find out what is hot. */
const floorShare = 1 / 4
/** Evictions between namespaces, as a multiple of the entries, after which the counts of all are halved. */
const agingPeriod = 4
const upkeepMs = 1000
const hurriedMs = 10

/**
 * The memory tier: one budget over the spaces of all namespaces.
 *
 * A space over its quota evicts its own entries. When the tier is full, the space that just grew names the entry it
 * would give up, and that entry duels with the defender of another space: the defender stays unless the other was
 * used strictly more often. So a scan in one namespace cannot flush a hot one; an idle namespace gives way in the end,
 * since counts age. A space at or under its floor, the reserve or a small part of an equal share, never loses to others.
 *
 * One policy over all namespaces would find the same victims, but costs an owner column, a slow `clear`, and one window
 * size for habits that differ. With a single namespace there is no duel and the policy of the space decides alone.
 */
export class MemoryTier implements LocalTier {
  readonly sync = true
  readonly capabilities: TierCapabilities = {
    shared: false,
    durable: false,
    versions: false,
    scan: false,
    bytes: true,
    tags: false,
  }
  readonly limits: MemoryLimits
  readonly #context: TierContext
  readonly #spaces: MemorySpace[] = []
  readonly #seed: number
  readonly #origin: number
  readonly #upkeep: Upkeep
  readonly held: Holdings = { bytes: 0, entries: 0 }
  #reserved = 0
  #turn = 0
  #evictions = 0

  constructor(limits: MemoryLimits, context: TierContext) {
    this.limits = limits
    this.#context = context
    this.#seed = Math.floor(context.random() * 2 ** 32) | 0
    this.#origin = Math.floor(context.clock.now())
    this.#upkeep = new Upkeep(context.timers, () => this.#maintain())
  }

  get spaces(): readonly MemorySpace[] {
    return this.#spaces
  }

  space(options: SpaceOptions): LocalSpace {
    const limits = this.#spaceLimits(options)
    this.#reserved += limits.reservedBytes
    const space = new MemorySpace(options.namespace, limits, this.#surroundings(options))
    this.#spaces.push(space)
    return space
  }

  usage(): TierUsage {
    return { entries: this.held.entries, bytes: this.held.bytes, maxBytes: this.limits.maxBytes }
  }

  close(): void {
    this.#report()
    this.#upkeep.stop()
    for (const space of this.#spaces) space.close()
    this.#spaces.length = 0
  }

  #surroundings({ tagClock, onEvict, onSample }: SpaceOptions): Surroundings {
    const { clock, random } = this.#context
    return {
      clock,
      tagClock,
      onEvict,
      sampler: onSample && new HitSampler(onSample, random),
      seed: this.#seed,
      origin: this.#origin,
      held: this.held,
      makeRoom: (space) => this.#makeRoom(space),
      wake: () => this.#upkeep.wake(upkeepMs),
    }
  }

  #spaceLimits({ namespace, maxBytes, maxEntries, reservedBytes = 0 }: SpaceOptions): SpaceLimits {
    const quota = Math.min(maxBytes ?? Infinity, this.limits.maxBytes)
    if (reservedBytes > quota || this.#reserved + reservedBytes > this.limits.maxBytes) {
      throw new ConfigError(
        `Namespace "${namespace}" cannot reserve ${reservedBytes} bytes of tier "${this.#context.name}": ` +
          `its quota is ${quota} bytes and ${this.limits.maxBytes - this.#reserved} of the tier are not reserved yet. ` +
          'Reserve less or give the tier more.',
        { code: 'ERR_CACHE_CONFIG', tier: this.#context.name, namespace },
      )
    }
    return { maxBytes: quota, maxEntries: maxEntries ?? Infinity, reservedBytes, maxValueBytes: quota * mostShare }
  }

  #makeRoom(space: MemorySpace): boolean {
    const { size } = space
    const { held } = this
    for (let short = shortOf(space.bytes, space.size, space.limits); short !== undefined && space.size > 0;) {
      space.evict(space.loser(short), 'quota')
      short = shortOf(space.bytes, space.size, space.limits)
    }
    let evicted = space.size < size
    for (let short = shortOf(held.bytes, held.entries, this.limits); short !== undefined && held.entries > 0;) {
      this.#evictFor(space, short)
      evicted = true
      short = shortOf(held.bytes, held.entries, this.limits)
    }
    return evicted
  }

  /** Evicts one entry so that `space` fits, from it or from another. */
  #evictFor(space: MemorySpace, short: Measure): void {
    if (this.#spaces.length === 1) {
      space.evict(space.loser(short), 'capacity')
      return
    }
    this.#age()
    if (space.size === 0 || this.#excess(space, short) <= 0) {
      const giver = this.#largest(space, short)
      giver.evict(giver.loser(short), 'capacity')
      return
    }
    const rival = this.#rival(space, short)
    if (rival === undefined) space.evict(space.loser(short), 'capacity')
    else duel(space, rival, short)
  }

  /** A space ages by its own traffic; one without any, by the evictions that others ask for. */
  #age(): void {
    if (++this.#evictions < this.held.entries * agingPeriod) return
    this.#evictions = 0
    for (const space of this.#spaces) space.age()
  }

  /** The larger of the next two spaces that hold more than their floor. */
  #rival(space: MemorySpace, short: Measure): MemorySpace | undefined {
    let rival: MemorySpace | undefined
    let most = 0
    for (let looked = 0; looked < 2; looked++) {
      this.#turn = (this.#turn + 1) % this.#spaces.length
      const other = this.#spaces[this.#turn] as MemorySpace
      const excess = this.#excess(other, short)
      if (other === space || excess <= most) continue
      most = excess
      rival = other
    }
    return rival
  }

  #largest(fallback: MemorySpace, short: Measure): MemorySpace {
    let largest = fallback
    let most = -Infinity
    for (const space of this.#spaces) {
      const excess = this.#excess(space, short)
      if (space.size === 0 || excess <= most) continue
      most = excess
      largest = space
    }
    return largest
  }

  /** How far a space is above its floor, in the measure that is short. */
  #excess(space: MemorySpace, short: Measure): number {
    const equal = floorShare / this.#spaces.length
    if (short === 'entries') return space.size - this.limits.maxEntries * equal
    return space.bytes - Math.max(space.limits.reservedBytes, this.limits.maxBytes * equal)
  }

  #maintain(): number | undefined {
    const now = this.#context.clock.now()
    let isDone = true
    for (const space of this.#spaces) isDone = space.sweep(now) && isDone
    this.#report()
    if (!isDone) return hurriedMs
    return this.#spaces.some((space) => space.needsUpkeep) ? upkeepMs : undefined
  }

  #report(): void {
    for (const space of this.#spaces) {
      const counts = space.takeReport()
      if (counts === undefined) continue
      for (const [reason, count] of Object.entries(counts) as [EvictReason, number][]) {
        if (count === 0) continue
        this.#context.report({ type: 'evict', tier: this.#context.name, namespace: space.namespace, reason, count })
      }
    }
  }
}

function shortOf(bytes: number, entries: number, limits: MemoryLimits): Measure | undefined {
  if (bytes > limits.maxBytes) return 'bytes'
  return entries > limits.maxEntries ? 'entries' : undefined
}

function duel(space: MemorySpace, rival: MemorySpace, short: Measure): void {
  const challenger = space.loser(short)
  const defender = rival.defender()
  if (space.usesOf(challenger) > rival.usesOf(defender)) {
    rival.evict(defender, 'capacity')
    space.spare(challenger)
  } else space.evict(challenger, 'capacity')
}

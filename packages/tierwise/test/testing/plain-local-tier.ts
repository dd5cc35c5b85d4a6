import type { Entry } from '../../src/contract/entry.ts'
import type { LocalEntry, LocalSpace, LocalTier, SpaceOptions, TierDefinition } from '../../src/contract/tier.ts'
import type { Clock } from '../../src/contract/runtime.ts'

/** The plainest reading of the `LocalTier` contract, to test its conformance suite on. */
export function plainLocalTier(decorate: (space: PlainSpace) => void = () => {}): TierDefinition {
  return {
    name: 'plain',
    create: ({ clock }) => {
      const spaces = new Map<string, PlainSpace>()
      const tier: LocalTier = {
        sync: true,
        capabilities: { shared: false, durable: false, versions: false, scan: false, bytes: true, tags: false },
        space: (options) => {
          const space = new PlainSpace(clock, options)
          decorate(space)
          spaces.set(options.namespace, space)
          return space
        },
        usage: () => {
          const all = [...spaces.values()]
          const entries = all.reduce((sum, space) => sum + space.size, 0)
          return { entries, bytes: all.reduce((sum, space) => sum + space.bytes, 0), maxBytes: undefined }
        },
        close: () => {
          for (const space of spaces.values()) space.clear()
        },
      }
      return tier
    },
  }
}

export class PlainSpace implements LocalSpace {
  servableUntil = Infinity
  hits = 0
  misses = 0
  readonly held = new Map<string, LocalEntry>()
  readonly clock: Clock
  readonly options: SpaceOptions

  constructor(clock: Clock, options: SpaceOptions) {
    this.clock = clock
    this.options = options
  }

  get size(): number {
    return this.held.size
  }

  get bytes(): number {
    return [...this.held].reduce((sum, [key, entry]) => sum + costOf(key, entry), 0)
  }

  read(key: string): unknown {
    const now = this.clock.burstNow()
    const entry = this.find(key)
    if (entry === undefined || now >= entry.reviewAt || now >= this.servableUntil) {
      this.misses++
      return undefined
    }
    this.hits++
    return entry.value
  }

  find(key: string): LocalEntry | undefined {
    const entry = this.held.get(key)
    if (entry === undefined || this.clock.now() >= entry.usableUntil) return undefined
    return this.options.tagClock.isCurrent(entry.tags, entry.tagClock) ? entry : undefined
  }

  set(key: string, entry: Entry, reviewAt: number): boolean {
    const { maxBytes = Infinity, maxEntries = Infinity } = this.options
    this.held.delete(key)
    if (costOf(key, entry) > maxBytes) return false
    this.held.set(key, { ...entry, reviewAt })
    for (const oldest of this.held.keys()) {
      if (this.bytes <= maxBytes && this.size <= maxEntries) break
      this.held.delete(oldest)
    }
    return true
  }

  delete(key: string): boolean {
    return this.held.delete(key)
  }

  weigh(value: unknown): number {
    return String(value).length
  }

  clear(): void {
    this.held.clear()
  }

  *keys(): IterableIterator<string> {
    const now = this.clock.now()
    const held = [...this.held]
    for (const [key, entry] of held) if (now < entry.usableUntil) yield key
  }
}

function costOf(key: string, entry: Entry): number {
  return key.length + (entry.sizeBytes || String(entry.value).length)
}

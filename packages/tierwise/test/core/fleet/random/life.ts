import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import type { CacheManagerOptions } from '../../../../src/contract/options.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import type { Fleet, Member, MemberOptions } from '../fleet.ts'

export interface LifeOptions
  extends Pick<CacheManagerOptions, 'defaults' | 'namespaces'>, Pick<MemberOptions, 'below'> {
  readonly memoryEntries: number
}

/** A member from its start until it is cut off for ever; another one comes in its place then. */
export class Life {
  /** Its name in the history; no other life has the same. */
  readonly by: number
  readonly member: Member
  /** Failures of the tier that it has seen. */
  errors = 0

  constructor(by: number, member: Member) {
    this.by = by
    this.member = member
    member.manager.on('tier-error', () => void this.errors++)
    member.manager.on('intent', () => void this.errors++)
  }

  /** Another member of the fleet, which is opened by its first call; its connection may fail at first. */
  static join(by: number, { runtime, store }: Fleet, { isCut, ...options }: LifeOptions & { isCut: boolean }): Life {
    const { memoryEntries, below, ...others } = options
    const clock = { aheadMs: 0 }
    const now = (): number => runtime.clock.now() + clock.aheadMs
    const place = store.instances.length
    const manager = createCacheManager({
      tiers: [memory({ maxEntries: memoryEntries }), store.tier(), ...(below?.(by) ?? [])],
      runtime: { ...runtime, clock: { now, burstNow: now } },
      ...others,
    })
    const instance = store.instances[place]!
    if (isCut) instance.cut()
    return new Life(by, { manager, cache: manager.namespace('factors'), instance, clock })
  }

  /** A tier that is still being opened is told later. */
  async isHealthy(): Promise<boolean> {
    const { tiers, bus } = await this.member.manager.health()
    return tiers.every(({ healthy }) => healthy) && bus?.confirmedAgoMs !== undefined
  }
}

import { onTestFinished } from 'vitest'

import type { Bus, BusListener } from '../../../src/contract/bus.ts'
import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { Tier, TierDefinition } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { atOnce, startFleet, type Fleet, type MemberOptions } from './fleet.ts'

/** Keys that end with a digit are in the lane of that number, all others in the first; tags are in the last of three. */
export const tagLane = 2

/** An instance that hears only what the test tells it, beside another that shares the store with it. */
export interface Told {
  readonly manager: CacheManager
  readonly cache: Cache<unknown>
  readonly fleet: Fleet
  /** Makes the changes that the first one is told of, or not. */
  readonly other: Cache<unknown>
  readonly instance: Fleet['store']['instances'][number]
  readonly bus: BusListener
  /** How far its clock is ahead; set it and no timer has fired, as after a stall. */
  readonly clock: { aheadMs: number }
  /** Everything up to now was told, in these lanes; all of them unless said otherwise. */
  confirm(...which: number[]): void
}

export interface ToldOptions extends MemberOptions {
  /** @default 3 */
  readonly lanes?: 1 | 3
}

/** Started, with a proof of every lane; there are three, or one for everything. */
export async function startTold({ below, lanes = 3, ...options }: ToldOptions = {}): Promise<Told> {
  const fleet = await startFleet({ members: 1 })
  const { runtime, store } = fleet
  const clock = { aheadMs: 0 }
  const now = (): number => runtime.clock.now() + clock.aheadMs
  const { bus, heard } = silentBus(lanes)
  const place = store.instances.length
  const manager = createCacheManager({
    tiers: [memory(), withBus(store.tier(), bus), ...(below?.(0) ?? [])],
    runtime: { ...runtime, clock: { now, burstNow: now } },
    ...options,
  })
  onTestFinished(() => runtime.until(manager.stop()))
  const confirm = (...which: number[]): void => {
    const told = which.length > 0 ? which : Array.from({ length: lanes }, (_, lane) => lane)
    for (const lane of told) heard().confirmed(lane, now())
  }
  const starting = manager.start()
  await runtime.settle()
  for (let lane = 0; lane < lanes; lane++) heard().lost(lane)
  await runtime.settle()
  confirm()
  await atOnce(starting)
  return {
    manager,
    cache: manager.namespace('factors'),
    fleet,
    other: fleet.members[0]!.cache,
    instance: store.instances[place]!,
    bus: heard(),
    clock,
    confirm,
  }
}

function silentBus(lanes: number): { readonly bus: Bus; readonly heard: () => BusListener } {
  let heard: BusListener | undefined
  const bus: Bus = {
    lanes,
    tagLane: lanes - 1,
    laneOf: (key) => (lanes === 1 ? 0 : Number(/[01]$/.exec(key)?.[0] ?? 0)),
    start: (listener) => void (heard = listener),
    stop: async () => {},
    position: () => '{}',
    barrier: async () => ({ acknowledged: [], lapsed: [] }),
  }
  return {
    bus,
    heard: () => {
      if (heard === undefined) throw new Error('The bus has not been started')
      return heard
    },
  }
}

/** The tier with another bus than its own. */
function withBus(definition: TierDefinition, bus: Bus): TierDefinition {
  return {
    ...definition,
    create: (context) => {
      const tier = definition.create(context)
      if (tier.sync) throw new Error('Memory has no bus')
      return new Proxy<Tier>(tier, {
        get: (of, name) => {
          if (name === 'bus') return bus
          const value: unknown = Reflect.get(of, name, of)
          return typeof value === 'function' ? value.bind(of) : value
        },
      })
    },
  }
}

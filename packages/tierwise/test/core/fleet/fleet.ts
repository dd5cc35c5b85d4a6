import { setImmediate as macrotask } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { CacheManagerOptions } from '../../../src/contract/options.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { TierDefinition } from '../../../src/contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { sharedStore, type SharedInstance, type SharedStore } from '../../../src/testing/shared-store.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

/** What the fleets of a test file share, when it is not a store in this process. */
export interface OtherStore {
  /** A store that holds nothing yet. */
  start(runtime: FakeRuntime, options: OtherStoreOptions): Promise<SharedStore>
  /** Resolves when nothing is under way any more, unless a test holds it up or it waits for time to pass. */
  settle(): Promise<void>
}

export type OtherStoreOptions = Required<Pick<FleetOptions, 'lanes' | 'logLength' | 'hearsForeign'>>

let other: OtherStore | undefined

/** Fleets that are started from now on share this store. */
export function shareInstead(store: OtherStore): void {
  other = store
}

/** One process of a fleet. */
export interface Member {
  readonly manager: CacheManager
  readonly cache: Cache<unknown>
  readonly instance: SharedInstance
  /** How far its clock is ahead of the runtime's; set it and no timer of the member has fired, as after a stall. */
  readonly clock: { aheadMs: number }
}

export interface Fleet {
  readonly runtime: FakeRuntime
  readonly store: SharedStore
  readonly members: readonly Member[]
  /** Members that have heard of a change make it again when the store has lost it, as those on Redis do. */
  readonly makesLostChangesAgain: boolean
  /** Another process, or the next life of one. */
  join(options?: MemberOptions): Promise<Member>
}

export interface MemberOptions extends Partial<Omit<CacheManagerOptions, 'tiers' | 'runtime'>> {
  /** @default 0 */
  readonly aheadMs?: number
  /** Most entries in memory. @default unlimited */
  readonly memoryEntries?: number
  /** Tiers below the shared store, made for each member. */
  readonly below?: (member: number) => readonly TierDefinition[]
}

export interface FleetOptions extends MemberOptions {
  readonly members?: number
  readonly lanes?: number
  /** Changes that the log of a lane keeps. */
  readonly logLength?: number
  /** Members are told what other code does to records, which the store in this process always does. @default false */
  readonly hearsForeign?: boolean
  /** What a member has besides the options of all. */
  readonly each?: (member: number) => MemberOptions
  /** Ends them with the test. @default true */
  readonly endsWithTest?: boolean
}

/** Managers over memory and one shared store, started and confirmed. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const { members = 2, lanes = 1, logLength = 10_000, hearsForeign = false, ...rest } = options
  const { each, endsWithTest = true, ...common } = rest
  const runtime = fakeRuntime()
  if (other !== undefined) runtime.settle = () => other!.settle()
  const store =
    (await other?.start(runtime, { lanes, logLength, hearsForeign })) ??
    sharedStore({ clock: runtime.clock, random: seededRandom(1), lanes, logLength })
  const started: Member[] = []
  const join = async (own: MemberOptions = {}): Promise<Member> => {
    const member = createMember({ runtime, store }, started.length, { ...common, ...own })
    started.push(member)
    if (endsWithTest) onTestFinished(() => runtime.until(member.manager.stop()))
    await runtime.until(member.manager.start())
    return member
  }
  for (let number = 0; number < members; number++) await join(each?.(number))
  await runtime.advance(100)
  return { runtime, store, members: started, makesLostChangesAgain: other !== undefined, join }
}

function createMember(
  { runtime, store }: Pick<Fleet, 'runtime' | 'store'>,
  number: number,
  { aheadMs = 0, memoryEntries, below, ...options }: MemberOptions,
): Member {
  const clock = { aheadMs }
  const place = store.instances.length
  const manager = createCacheManager({
    tiers: [
      memory(memoryEntries === undefined ? {} : { maxEntries: memoryEntries }),
      store.tier(),
      ...(below?.(number) ?? []),
    ],
    runtime: aheadOf(runtime, clock),
    ...options,
  })
  return { manager, cache: manager.namespace('factors'), instance: store.instances[place]!, clock }
}

function aheadOf(runtime: Runtime, clock: { readonly aheadMs: number }): Runtime {
  const now = (): number => runtime.clock.now() + clock.aheadMs
  return { ...runtime, clock: { now, burstNow: now } }
}

/** The result of work that needs no time: the clock stands still. Rejects when the work waits for a timer or a pause. */
export async function atOnce<T>(work: Promise<T>): Promise<T> {
  let isDone = false
  const end = (): void => void (isDone = true)
  work.then(end, end)
  // What the work leaves behind is over too before the next step: otherwise a run would depend on how fast a server is.
  if (other !== undefined) await other.settle()
  for (let rounds = 0; !isDone; rounds++) {
    if (rounds > 200) throw new Error('The work is not done, and needs more than a few rounds of the event loop')
    await macrotask()
  }
  return work
}

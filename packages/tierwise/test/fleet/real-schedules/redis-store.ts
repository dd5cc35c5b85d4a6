import type { TierDefinition } from '../../../src/contract/tier.ts'
import type { FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import type { RedisServer } from '../../../src/testing/servers/redis-server.ts'
import type {
  LoggedChange,
  SharedHead,
  SharedInstance,
  SharedMember,
  SharedSnapshot,
  SharedStore,
} from '../../../src/testing/shared-store.ts'
import { clusterLayout, singleLayout } from '../../../src/tiers/redis/key-layout.ts'
import type { OtherStore, OtherStoreOptions } from '../../core/fleet/fleet.ts'
import { Activity } from './activity.ts'
import { RedisInstance } from './redis-instance.ts'
import { ServerTime } from './server-clock.ts'
import { ServerState } from './server-state.ts'

/** A real server for fleets, one at a time: whatever is left of the one before ends with the next start. */
export class RedisForFleets implements OtherStore {
  readonly #server: RedisServer
  readonly #empty: () => Promise<unknown>
  #activity = new Activity()
  #store: RedisStore | undefined

  /** `empty` removes everything from the server. */
  constructor(server: RedisServer, empty: () => Promise<unknown>) {
    this.#server = server
    this.#empty = empty
  }

  async start(runtime: FakeRuntime, options: OtherStoreOptions): Promise<SharedStore> {
    await this.end()
    await this.#empty()
    this.#activity = new Activity()
    this.#store = new RedisStore(this.#server, { runtime, activity: this.#activity, ...options })
    return this.#store
  }

  settle(): Promise<void> {
    return this.#activity.settle()
  }

  async end(): Promise<void> {
    await this.#store?.end()
    this.#store = undefined
  }
}

interface RedisStoreParts extends OtherStoreOptions {
  readonly runtime: FakeRuntime
  readonly activity: Activity
}

/** A real server as the schedules use a shared store. */
class RedisStore implements SharedStore {
  readonly #server: RedisServer
  readonly #state: ServerState
  readonly #time: ServerTime
  readonly #parts: RedisStoreParts
  readonly #random = seededRandom(1)
  readonly #instances: RedisInstance[] = []
  readonly #saved = new WeakMap<SharedSnapshot, string>()

  constructor(server: RedisServer, parts: RedisStoreParts) {
    const { lanes, runtime } = parts
    this.#server = server
    this.#parts = parts
    this.#state = new ServerState(server, lanes === 1 ? singleLayout : clusterLayout('tw', lanes))
    this.#time = new ServerTime(() => runtime.clock.now())
  }

  get skewMs(): number {
    return this.#time.skewMs
  }

  set skewMs(skewMs: number) {
    this.#time.skewMs = skewMs
  }

  get instances(): readonly SharedInstance[] {
    return this.#instances
  }

  get members(): readonly SharedMember[] {
    return this.#state.members()
  }

  tier(): TierDefinition {
    return {
      name: 'shared',
      create: (context) => {
        const { activity, lanes, logLength, hearsForeign } = this.#parts
        const { host, port } = this.#server
        const instance = new RedisInstance(
          {
            activity,
            time: this.#time,
            random: this.#random,
            server: { host, port },
            lanes,
            logLength,
            hearsForeign,
          },
          context,
        )
        this.#instances.push(instance)
        return instance.tier
      },
    }
  }

  head(key: string): SharedHead {
    return this.#state.head(key)
  }

  log(lane?: number): readonly LoggedChange[] {
    return this.#state.log(lane ?? 0)
  }

  snapshot(): SharedSnapshot {
    const tags = { clock: 0, floor: 0, marks: new Map() }
    const snapshot: SharedSnapshot = { held: new Map(), transient: new Map(), lanes: [], members: new Map(), tags }
    this.#saved.set(snapshot, this.#state.save())
    return snapshot
  }

  restore(snapshot: SharedSnapshot): void {
    const saved = this.#saved.get(snapshot)
    if (saved === undefined) throw new Error('The snapshot was not taken here')
    this.#state.load(saved)
  }

  flush(): void {
    this.#state.flush()
    this.#parts.activity.note()
  }

  evict(key: string, part: 'record' | 'lease' | 'all'): void {
    this.#state.evict(key, part)
  }

  forgetLane(lane?: number): void {
    this.#state.forgetLane(lane ?? 0)
  }

  expireLease(key: string): void {
    this.#state.expireLease(key)
  }

  removeForeign(keys: readonly string[]): void {
    this.#state.remove(keys)
    this.#parts.activity.note()
  }

  async end(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.end()))
  }
}

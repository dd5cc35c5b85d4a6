import { fakeRuntime, type FakeRuntime } from '../../../../src/testing/index.ts'
import { Lane } from '../../../../src/tiers/redis/bus/lane.ts'
import type { LanePoint } from '../../../../src/tiers/redis/bus/lane-state.ts'
import { FakeLaneServer } from './fake-lane-server.ts'

/** A lane over a server without a network, and all that it has told, in words. */
export class FollowedLane {
  readonly runtime: FakeRuntime
  readonly server: FakeLaneServer
  readonly lane: Lane
  told: string[] = []
  reads: (number | undefined)[] = []
  isHeard = true

  constructor(resumed?: LanePoint, server?: FakeLaneServer, runtime: FakeRuntime = fakeRuntime({ now: 0 })) {
    this.runtime = runtime
    this.server = server ?? new FakeLaneServer(() => runtime.clock.now())
    const tell = (word: string): void => void this.told.push(word)
    this.lane = new Lane(
      {
        runtime,
        source: 'me',
        read: async (from) => {
          this.reads.push(from)
          return this.server.read(from)
        },
        isHeard: () => this.isHeard,
        listener: {
          changed: (changes, isOwn) =>
            tell(`${isOwn ? 'own' : 'changed'} ${changes.map((change) => change.kind === 'key' && change.key).join()}`),
          lost: () => tell('lost'),
          confirmed: (instant) => tell(`confirmed ${instant}`),
          diverged: () => tell('diverged'),
          overdue: () => tell('overdue'),
          failed: (reason) => tell(String(reason)),
        },
      },
      resumed,
    )
  }

  /** What was told since the last call. */
  words(): string[] {
    return this.told.splice(0)
  }

  async resync(): Promise<string[]> {
    this.lane.resync()
    await this.runtime.settle()
    return this.words()
  }

  async started(): Promise<this> {
    await this.resync()
    return this
  }

  /** Asks for the head and confirms with it at once. */
  async confirm(): Promise<string[]> {
    this.lane.confirm(this.server.head, { instant: this.runtime.clock.now(), point: this.lane.point })
    await this.runtime.settle()
    return this.words()
  }
}

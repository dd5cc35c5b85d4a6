import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { systemRuntime } from '../../../src/base/runtime.ts'
import { createCoordination, memoryCoordination, type Coordination } from '../../../src/coordination/index.ts'
import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { checkTimers } from '../../../src/testing/invariants.ts'
import type { RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import type { CoordinationStore as Store } from '../../../src/contract/coordination.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import { switchableStore, type SwitchableStore } from '../../coordination/primitives/switchable-store.ts'

/** Two processes on one state, as far as the store is concerned. */
export interface RecipeWorld extends AsyncDisposable {
  readonly one: Coordination
  readonly other: Coordination
  /** For recipes that have timers. */
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
  /** Of `one` only: the store of the other goes on answering. */
  readonly switched: SwitchableStore
  now(): number
  /** Lets time pass: on a real store it is waited for. */
  advance(ms: number): Promise<void>
  /** Lets time pass until something has come about; a busy machine may need longer. */
  eventually(look: () => boolean): Promise<void>
  /** The result of work that waits for timers. */
  until<T>(work: Promise<T>): Promise<T>
}

export interface RecipeWorlds {
  readonly name: string
  create(): Promise<RecipeWorld>
}

/** In this process, in a time that stands still. */
export const embedded: RecipeWorlds = {
  name: 'in this process',
  create: async () => {
    const runtime = fakeRuntime()
    const shared = memoryCoordination({ runtime })
    const switched = switchableStore(shared)
    const one = createCoordination({ store: switched.store, runtime })
    const other = createCoordination({ store: switchableStore(shared).store, runtime })
    return {
      one,
      other,
      runtime,
      switched,
      now: () => runtime.clock.now(),
      advance: (ms) => runtime.advance(ms),
      eventually: async (look) => {
        for (let tries = 0; tries < 60 && !look(); tries++) await runtime.advance(1000)
        if (!look()) throw new Error('It has not come about within a minute.')
      },
      until: (work) => runtime.until(work),
      [Symbol.asyncDispose]: async () => {
        await Promise.all([one.stop(), other.stop()])
        await shared.close()
        checkTimers(runtime)
      },
    }
  },
}

/** On a real server, each in a key space of its own, in real time. */
export function onRedis(server: () => RedisServer): RecipeWorlds {
  return {
    name: 'on Redis',
    create: async () => {
      const prefix = `tw-${randomUUID()}`
      const [store, otherStore] = [1, 2].map(() => redisCoordination({ url: server().url, prefix })) as [Store, Store]
      const switched = switchableStore(store)
      const runtime = systemRuntime()
      // A machine that is busy is no store that is down.
      const one = createCoordination({ store: switched.store, timeout: '5s' })
      const other = createCoordination({ store: otherStore, timeout: '5s' })
      return {
        one,
        other,
        runtime,
        switched,
        now: () => Date.now(),
        advance: (ms) => sleep(ms),
        eventually: (look) => until(look, { what: 'it' }),
        until: (work) => work,
        [Symbol.asyncDispose]: async () => {
          await Promise.all([one.stop(), other.stop()])
          await Promise.all([store.close(), otherStore.close()])
        },
      }
    },
  }
}

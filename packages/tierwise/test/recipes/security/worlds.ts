import type { Coordination } from '../../../src/coordination/index.ts'
import type { RedisServer } from '../../../src/testing/servers/index.ts'
import type { SwitchableStore } from '../../coordination/primitives/switchable-store.ts'
import { embedded as embeddedWorlds, onRedis as redisWorlds, type RecipeWorlds } from '../integration/worlds.ts'

/** Two processes on one state, and a wall clock that can be moved. */
export interface SecurityWorld extends AsyncDisposable {
  readonly one: Coordination
  readonly other: Coordination
  /** Of `one` only. */
  readonly switched: SwitchableStore
  /** Epoch milliseconds of the wall clock. */
  readonly now: () => number
  /** Moves the wall clock, and the clock of the store where it can be moved. */
  pass(ms: number): Promise<void>
}

export interface SecurityWorlds {
  readonly name: string
  /** Whether `pass` moves the clock of the store too, so that what it keeps ends. */
  readonly movesStore: boolean
  create(): Promise<SecurityWorld>
}

export const embedded: SecurityWorlds = {
  name: embeddedWorlds.name,
  movesStore: true,
  create: () => worldIn(embeddedWorlds, true),
}

export function onRedis(server: () => RedisServer): SecurityWorlds {
  const worlds = redisWorlds(server)
  return { name: worlds.name, movesStore: false, create: () => worldIn(worlds, false) }
}

async function worldIn(worlds: RecipeWorlds, movesStore: boolean): Promise<SecurityWorld> {
  const world = await worlds.create()
  let ahead = 0
  return {
    one: world.one,
    other: world.other,
    switched: world.switched,
    now: () => world.now() + ahead,
    pass: async (ms) => {
      if (movesStore) await world.advance(ms)
      else ahead += ms
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

import { seededRandom } from '../../../src/testing/index.ts'
import { heldByTier, openStack } from '../../stacks.ts'
import type { OpenStack, Stack } from '../../stacks.ts'
import { keys } from './commands.ts'
import type { Command, Key } from './commands.ts'
import { History } from './history.ts'
import { slowTier } from './slow-tier.ts'

type Of<T extends Command['do']> = Extract<Command, { readonly do: T }>

/**
 * Runs the steps over a chain whose tiers are slow, lose things and evict, and returns what contradicts the history.
 * Requests and replies of the tiers take a random time, so everything that can overtake does.
 */
export async function runModel(stack: Stack, commands: readonly Command[], seed: number): Promise<readonly string[]> {
  const run = new ModelRun(stack, seed)
  for (const command of commands) await run.step(command)
  return run.end()
}

class ModelRun {
  readonly #history = new History()
  readonly #stack: OpenStack
  readonly #running = new Set<Promise<unknown>>()
  readonly #failures: string[] = []
  #faulty = false

  constructor(stack: Stack, seed: number) {
    const random = seededRandom(seed)
    const wait = (): Promise<void> => {
      const ms = random.int(4)
      return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#stack.runtime.timers.after(ms, resolve))
    }
    this.#stack = openStack(stack, {
      memoryEntries: 2,
      namespace: { ttl: '20s', grace: '10s', tags: ['all'] },
      manager: { maxPendingWrites: 2 },
      around: (definition) => slowTier(definition, () => wait),
    })
  }

  async step(command: Command): Promise<void> {
    if (command.do === 'advance') await this.#stack.runtime.advance(command.ms)
    else if (command.do === 'fault') this.#break(command)
    else if (command.do === 'heal') this.#heal()
    else this.#start(command)
  }

  /** Ends all faults, lets everything settle, and looks into every tier. */
  async end(): Promise<readonly string[]> {
    // A call that was hit by two faults hangs twice.
    for (let round = 0; round < 4; round++) {
      this.#heal()
      await this.#stack.runtime.advance(2000)
    }
    await this.#stack.runtime.until(Promise.all(this.#running))
    for (const key of keys) {
      const floor = this.#history.floor(key)
      for (const [tier, value] of Object.entries(await heldByTier(this.#stack, key))) {
        this.#history.check(`At the end ${tier}`, key, { value, floor })
      }
      this.#history.check('At the end get', key, {
        value: await this.#stack.runtime.until(this.#stack.cache.get(key)),
        floor,
      })
    }
    await this.#stack.stop()
    return [...this.#history.violations, ...this.#failures]
  }

  #start(command: Exclude<Command, Of<'advance' | 'fault' | 'heal'>>): void {
    const work = this.#perform(command).catch((error: unknown) => {
      this.#failures.push(`${command.do} failed: ${error instanceof Error ? error.stack : String(error)}`)
    })
    this.#running.add(work)
    void work.then(() => this.#running.delete(work))
  }

  async #perform(command: Exclude<Command, Of<'advance' | 'fault' | 'heal'>>): Promise<void> {
    const { cache } = this.#stack
    switch (command.do) {
      case 'get':
        return this.#read('get', [command.key], async () => new Map([[command.key, await cache.get(command.key)]]))
      case 'getEntry':
        return this.#readEntry(command.key)
      case 'getMany':
        return this.#read('getMany', keys, () => cache.getMany(keys))
      case 'getOrSet':
        return this.#load(command)
      case 'getOrSetMany':
        return this.#loadMany(command)
      case 'set':
        return this.#set(command)
      case 'setMany':
        return this.#change(keys, (values) => cache.setMany(values))
      case 'delete':
        return this.#change([command.key], () => cache.delete(command.key))
      case 'deleteMany':
        return this.#change(keys, () => cache.deleteMany(keys))
      case 'mutate':
        return this.#mutate(command.key)
      case 'touch':
        return void (await cache.touch(command.key))
      case 'expire':
        return this.#expire(command.key)
      case 'invalidateTags':
        return this.#change(keys, () => cache.invalidateTags(['all']))
      case 'clear':
        return this.#change(keys, () => cache.clear())
      case 'invalidatePattern':
        return this.#change(keys, () => cache.invalidatePattern('[abc]'))
    }
  }

  async #read(what: string, asked: readonly Key[], read: () => Promise<ReadonlyMap<string, unknown>>): Promise<void> {
    const floors = new Map(asked.map((key) => [key, this.#history.floor(key)]))
    const values = await read()
    for (const [key, floor] of floors) this.#history.check(what, key, { value: values.get(key), floor })
  }

  /** `getEntry` shows stale copies too. */
  async #readEntry(key: Key): Promise<void> {
    const floor = this.#history.floor(key)
    const staleFloor = this.#history.staleFloor(key)
    const entry = await this.#stack.cache.getEntry(key)
    this.#history.check('getEntry', key, { value: entry?.value, floor: entry?.stale === true ? staleFloor : floor })
  }

  async #load({ key, loadMs, fails, forceFresh }: Of<'getOrSet'>): Promise<void> {
    const { cache } = this.#stack
    // Somebody else's load may fail, and then a value that was only expired stands in.
    const floor = this.#history.staleFloor(key)
    const freshFloor = forceFresh ? this.#history.current(key) : floor
    let failed = false
    const loader = async (): Promise<number> => {
      const value = this.#history.current(key)
      await this.#pause(loadMs)
      if (fails) throw new Error('the source is down')
      return value
    }
    const value = await cache.getOrSet(key, loader, { forceFresh }).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'ERR_CACHE_LOADER') throw error
      failed = true
    })
    if (!failed) this.#history.check('getOrSet', key, { value, floor: forceFresh && !fails ? freshFloor : floor })
  }

  async #loadMany({ loadMs }: Of<'getOrSetMany'>): Promise<void> {
    const floors = new Map(keys.map((key) => [key, this.#history.staleFloor(key)]))
    const loader = async (missing: readonly string[]): Promise<Map<string, number>> => {
      const values = new Map(missing.map((key) => [key, this.#history.current(key)]))
      await this.#pause(loadMs)
      return values
    }
    const values = await this.#stack.cache.getOrSetMany(keys, loader).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'ERR_CACHE_LOADER') throw error
      return new Map<string, number>()
    })
    for (const [key, floor] of floors) this.#history.check('getOrSetMany', key, { value: values.get(key), floor })
  }

  async #set({ key, mode, only }: Of<'set'>): Promise<void> {
    const { cache, names } = this.#stack
    const tiers = only === undefined ? undefined : [names[only % names.length]!]
    await this.#change([key], ([[, value]]) =>
      cache.set(key, value, { writeMode: mode, ...(tiers === undefined ? {} : { tiers }) }),
    )
  }

  async #mutate(key: Key): Promise<void> {
    let moved = 0
    await this.#stack.cache.mutate([key], async () => {
      await this.#pause(3)
      moved = this.#history.move(key)
      await this.#pause(2)
    })
    this.#history.confirm(key, moved)
  }

  async #expire(key: Key): Promise<void> {
    const moved = this.#history.move(key)
    await this.#stack.cache.expire(key)
    this.#history.confirmExpiry(key, moved)
  }

  /** Moves the sources on, tells the cache, and remembers what it confirmed. */
  async #change(
    changed: readonly Key[],
    tell: (values: [[Key, number], ...[Key, number][]]) => Promise<unknown>,
  ): Promise<void> {
    const moved = changed.map((key): [Key, number] => [key, this.#history.move(key)])
    await tell(moved as [[Key, number], ...[Key, number][]])
    for (const [key, value] of moved) this.#history.confirm(key, value)
  }

  #pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#stack.runtime.timers.after(ms, resolve))
  }

  #break({ tier, operation, fault }: Of<'fault'>): void {
    const { below } = this.#stack
    const name = below[tier % Math.max(below.length, 1)]
    if (name === undefined) return
    this.#faulty = true
    const plan = this.#stack.plan(name)
    if (fault === 'hang') plan.hang(operation, { times: 2 })
    else if (fault === 'damage') plan.corrupt('get', { times: 2 })
    else plan.fail(operation, { times: 3, when: fault === 'fail' ? 'before' : 'after' })
  }

  #heal(): void {
    if (!this.#faulty) return
    for (const name of this.#stack.below) this.#stack.plan(name).clear()
  }
}

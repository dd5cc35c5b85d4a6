import type { Pause } from '../../../../src/testing/shared-store.ts'
import { startFleet, type Fleet, type Member } from '../fleet.ts'
import { maxStalenessMs } from '../schedules/promises.ts'
import { keys, memberCount, type Command, type Key } from './commands.ts'
import { History, type Change } from './history.ts'

type Of<T extends Command['do']> = Extract<Command, { readonly do: T }>
type Fault = Of<'pause' | 'resume' | 'fail' | 'messages' | 'cut' | 'mend' | 'stall' | 'evict' | 'expireLease' | 'flush'>
type Work = Exclude<Command, Fault | Of<'advance'>>

/** Runs the steps on a fleet, and returns what contradicts the history. */
export async function runFleet(commands: readonly Command[]): Promise<readonly string[]> {
  const fleet = await startFleet({
    members: memberCount,
    lanes: 2,
    logLength: 6,
    memoryEntries: 2,
    endsWithTest: false,
    defaults: { ttl: '1h', lease: '2s', mutateTimeout: '4s' },
    namespaces: { factors: { tags: ['all'] } },
  })
  const run = new FleetRun(fleet)
  for (const command of commands) await run.step(command)
  return run.end()
}

class FleetRun {
  readonly #fleet: Fleet
  readonly #history = new History(maxStalenessMs)
  readonly #running = new Set<Promise<unknown>>()
  readonly #failures: string[] = []
  readonly #pauses: Pause[] = []
  /** Failures of the tier that each member has seen. */
  readonly #errors: number[]

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#errors = fleet.members.map(() => 0)
    for (const [by, { manager }] of fleet.members.entries()) {
      manager.on('tier-error', () => void this.#errors[by]!++)
      manager.on('intent', () => void this.#errors[by]!++)
    }
  }

  get #now(): number {
    return this.#fleet.runtime.clock.now()
  }

  async step(command: Command): Promise<void> {
    if (command.do === 'advance') return this.#fleet.runtime.advance(command.ms)
    if (isFault(command)) this.#break(command)
    else this.#start(command)
  }

  /** Ends all faults, lets everything settle, and looks into every place. */
  async end(): Promise<readonly string[]> {
    const { runtime, members } = this.#fleet
    for (let round = 0; round < 3; round++) {
      this.#heal()
      await runtime.advance(5000)
    }
    await runtime.until(Promise.all(this.#running))
    // Breakers close only when they see answers.
    for (const { cache } of members)
      for (let probe = 0; probe < 5; probe++) await runtime.until(cache.set('probe', probe))
    await runtime.advance(15_000)
    for (const key of keys) {
      for (const [by, { cache }] of members.entries()) {
        this.#history.checkAtRest(`memory of ${by}`, key, cache.peek(key))
        const shared = await runtime.until(cache.get(key, { tiers: ['shared'] }))
        this.#history.checkAtRest(`the store as ${by} sees it`, key, shared)
        this.#history.checkAtRest(`member ${by}`, key, await runtime.until(cache.get(key)))
      }
    }
    for (const { manager } of members) await runtime.until(manager.stop())
    return [...this.#history.violations, ...this.#failures]
  }

  #heal(): void {
    for (const pause of this.#pauses.splice(0)) pause.resume()
    for (const { instance } of this.#fleet.members) {
      instance.messages.drop(0)
      instance.messages.duplicate(0)
      instance.messages.release()
      instance.mend()
    }
  }

  #break(command: Fault): void {
    const { store, members } = this.#fleet
    switch (command.do) {
      case 'resume':
        return this.#pauses.shift()?.resume()
      case 'fail':
        return this.#pauses.shift()?.fail()
      case 'flush':
        return store.flush()
      case 'evict':
        return store.evict(storageKeyOf(command.key), command.part)
      case 'expireLease':
        return store.expireLease(storageKeyOf(command.key))
      default:
        this.#breakMember(members[command.by]!, command)
    }
  }

  #breakMember({ instance, clock }: Member, command: Of<'pause' | 'messages' | 'cut' | 'mend' | 'stall'>): void {
    switch (command.do) {
      case 'pause':
        return void this.#pauses.push(instance.pause(command.operation, { moment: command.moment, calls: 1 }))
      case 'messages':
        return instance.messages[command.fault]()
      case 'stall':
        clock.aheadMs += 3000
        return
      default:
        instance[command.do]()
    }
  }

  #start(command: Work): void {
    const work = this.#perform(command, this.#fleet.members[command.by]!).catch((error: unknown) => {
      this.#failures.push(`${command.do} failed: ${error instanceof Error ? error.stack : String(error)}`)
    })
    this.#running.add(work)
    void work.then(() => this.#running.delete(work))
  }

  async #perform(command: Work, { cache }: Member): Promise<unknown> {
    const { by } = command
    switch (command.do) {
      case 'get':
        return this.#read(command, [command.key], async () => new Map([[command.key, await cache.get(command.key)]]))
      case 'getWithToken':
        return this.#readAfter(command, cache)
      case 'getMany':
        return this.#read(command, keys, () => cache.getMany(keys))
      case 'getOrSet':
        return this.#read(command, [command.key], async () => {
          const { key, loadMs, forceFresh } = command
          return new Map([[key, await cache.getOrSet(key, () => this.#load(key, loadMs), { forceFresh })]])
        })
      case 'getOrSetMany':
        return this.#read(command, keys, () =>
          cache.getOrSetMany(keys, async (missing) => {
            const values = new Map(missing.map((key) => [key, this.#history.current(key)]))
            await this.#pause(command.loadMs)
            return values
          }),
        )
      case 'set':
        return this.#set(by, [command.key], ([[, value]]) => cache.set(command.key, value))
      case 'setMany':
        return this.#set(by, keys, (values) => cache.setMany(values))
      case 'invalidate': {
        const change = this.#history.begin(command.key, by, false)
        const { tiers, token } = await cache.invalidate(command.key)
        return this.#history.end(change, { now: this.#now, isConfirmed: tiers['shared'] === 'applied', token })
      }
      case 'expire':
        return this.#change(by, [command.key], () => cache.expire(command.key))
      case 'mutate':
        return this.#mutate(by, command.key)
      case 'invalidateTags':
        return this.#change(by, keys, () => cache.invalidateTags(['all']))
      case 'clear':
        return this.#change(by, keys, () => cache.clear())
    }
  }

  async #read(
    { do: what, by }: { readonly do: string; readonly by: number },
    asked: readonly Key[],
    read: () => Promise<ReadonlyMap<string, unknown>>,
  ): Promise<void> {
    const begun = asked.map((key) => this.#history.read(what, { key, by, now: this.#now }))
    const values = await read()
    for (const each of begun) this.#history.check(each, { value: values.get(each.key), now: this.#now })
  }

  async #readAfter({ do: what, by, key }: { do: string; by: number; key: Key }, cache: Member['cache']): Promise<void> {
    const after = this.#history.latest(key)
    const read = this.#history.read(what, { key, by, now: this.#now, after })
    const value = await cache.get(key, after?.token === undefined ? {} : { after: after.token })
    this.#history.check(read, { value, now: this.#now })
  }

  async #load(key: Key, ms: number): Promise<number> {
    const value = this.#history.current(key)
    await this.#pause(ms)
    return value
  }

  async #set(
    by: number,
    changed: readonly Key[],
    tell: (values: [[Key, number], ...[Key, number][]]) => Promise<WriteAnswer | ReadonlyMap<string, WriteAnswer>>,
  ): Promise<void> {
    const changes = changed.map((key) => this.#history.begin(key, by, true))
    const values = changes.map(({ key, value }) => [key as Key, value]) as [[Key, number]]
    const told = await tell(values)
    for (const change of changes) {
      const { tiers, token } = told instanceof Map ? told.get(change.key)! : (told as WriteAnswer)
      this.#history.end(change, { now: this.#now, isConfirmed: tiers['shared'] === 'applied', token })
    }
  }

  /** A change that does not say what the store made of it: it counts for the others when nothing went wrong. */
  async #change(by: number, changed: readonly Key[], tell: () => Promise<unknown>): Promise<void> {
    const changes = changed.map((key) => this.#history.begin(key, by, false))
    const isCalm = await this.#watch(by, tell)
    for (const change of changes) this.#history.end(change, { now: this.#now, isConfirmed: isCalm })
  }

  async #mutate(by: number, key: Key): Promise<void> {
    let change: Change | undefined
    const isCalm = await this.#watch(by, () =>
      this.#fleet.members[by]!.cache.mutate([key], async () => {
        await this.#pause(3)
        change = this.#history.begin(key, by, false)
        await this.#pause(2)
      }),
    )
    this.#history.end(change!, { now: this.#now, isConfirmed: isCalm })
  }

  async #watch(by: number, work: () => Promise<unknown>): Promise<boolean> {
    const before = this.#errors[by]
    const wasHealthy = this.#isHealthy(by)
    await work()
    return (await wasHealthy) && before === this.#errors[by] && (await this.#isHealthy(by))
  }

  async #isHealthy(by: number): Promise<boolean> {
    const { tiers } = await this.#fleet.members[by]!.manager.health()
    return tiers.every(({ healthy }) => healthy)
  }

  #pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#fleet.runtime.timers.after(ms, resolve))
  }
}

interface WriteAnswer {
  readonly tiers: Readonly<Record<string, string>>
  readonly token: string
}

function storageKeyOf(key: Key): string {
  return `tw:1:factors:${key}`
}

const faults: ReadonlySet<string> = new Set<Fault['do']>([
  'pause',
  'resume',
  'fail',
  'messages',
  'cut',
  'mend',
  'stall',
  'evict',
  'expireLease',
  'flush',
])

function isFault(command: Exclude<Command, Of<'advance'>>): command is Fault {
  return faults.has(command.do)
}

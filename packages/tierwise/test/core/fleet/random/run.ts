import type { Pause } from '../../../../src/testing/shared-store.ts'
import { mapTier } from '../../../../src/testing/index.ts'
import { startFleet, type Fleet, type Member, type MemberOptions } from '../fleet.ts'
import { maxStalenessMs } from '../schedules/promises.ts'
import { keys, memberCount, type Command, type Key } from './commands.ts'
import { History, type Change, type Outcome } from './history.ts'
import { Life } from './life.ts'

type Of<T extends Command['do']> = Extract<Command, { readonly do: T }>
type FaultOfMember = Of<'pause' | 'lose' | 'messages' | 'cut' | 'mend' | 'stall' | 'replace'>
type Fault = FaultOfMember | Of<'resume' | 'fail' | 'evict' | 'expireLease'>
type Work = Exclude<Command, Fault | Of<'advance' | 'flush'>>

const memoryEntries = 2
const options = {
  defaults: { ttl: '1h', lease: '2s', mutateTimeout: '4s' },
  namespaces: { factors: { tags: ['all'] } },
} as const

/** The same over a tier of each process, which gets what its memory has no room for. */
const demoting = {
  ...options,
  namespaces: { factors: { ...options.namespaces.factors, demotion: true } },
  below: () => [mapTier({ name: 'own', capabilities: { shared: false } })],
} as const

/** Runs the steps on a fleet, and returns what contradicts the history. */
export async function runFleet(
  commands: readonly Command[],
  { isDemoting = false }: { readonly isDemoting?: boolean } = {},
): Promise<readonly string[]> {
  const chosen = isDemoting ? demoting : options
  const fleet = await startFleet({
    members: memberCount,
    lanes: 2,
    logLength: 6,
    memoryEntries,
    endsWithTest: false,
    ...chosen,
  })
  const run = new FleetRun(fleet, chosen)
  for (const command of commands) await run.step(command)
  return run.end()
}

class FleetRun {
  readonly #fleet: Fleet
  readonly #options: MemberOptions
  readonly #history = new History(maxStalenessMs)
  readonly #running = new Set<Promise<unknown>>()
  readonly #failures: string[] = []
  readonly #pauses: Pause[] = []
  /** Those that work, by place. */
  readonly #lives: Life[]
  readonly #gone: Life[] = []

  constructor(fleet: Fleet, options: MemberOptions) {
    this.#fleet = fleet
    this.#options = options
    this.#lives = fleet.members.map((member, by) => new Life(by, member))
  }

  get #now(): number {
    return this.#fleet.runtime.clock.now()
  }

  get #members(): readonly Member[] {
    return this.#lives.map(({ member }) => member)
  }

  async step(command: Command): Promise<void> {
    if (command.do === 'advance') return this.#fleet.runtime.advance(command.ms)
    if (command.do === 'flush') return this.#startEmpty()
    // The order of late changes is remembered where it can be evicted: one that comes after that is not covered.
    if (command.do === 'evict' && command.part !== 'record') await this.#loseCalls()
    if (isFault(command)) this.#break(command)
    else this.#start(command)
  }

  /** Ends all faults, lets everything settle, and looks into every place. */
  async end(): Promise<readonly string[]> {
    const { runtime } = this.#fleet
    for (let round = 0; round < 3; round++) {
      this.#heal()
      await runtime.advance(5000)
    }
    await runtime.until(Promise.all(this.#running))
    // Breakers close only when they see answers, and a tier that could not be opened is tried again when it is used.
    for (let round = 0, isWell = false; !isWell && round < 10; round++) {
      for (const { cache } of this.#members)
        for (let probe = 0; probe < 5; probe++) await runtime.until(cache.set('probe', probe))
      isWell = (await Promise.all(this.#lives.map((life) => life.isHealthy()))).every(Boolean)
      await runtime.advance(15_000)
    }
    for (const key of keys) {
      for (const [by, { cache }] of this.#members.entries()) {
        this.#history.checkAtRest(`memory of ${by}`, key, cache.peek(key))
        const shared = await runtime.until(cache.get(key, { tiers: ['shared'] }))
        this.#history.checkAtRest(`the store as ${by} sees it`, key, shared)
        this.#history.checkAtRest(`member ${by}`, key, await runtime.until(cache.get(key)))
      }
    }
    for (const { member } of [...this.#lives, ...this.#gone]) await runtime.until(member.manager.stop())
    return [...this.#history.violations, ...this.#failures]
  }

  #heal(): void {
    for (const pause of this.#pauses.splice(0)) pause.resume()
    for (const { instance } of this.#members) {
      instance.messages.drop(0)
      instance.messages.duplicate(0)
      instance.messages.release()
      instance.mend()
    }
  }

  /** A server that comes back empty has lost its connections, and what was on its way to it over them. */
  async #startEmpty(): Promise<void> {
    await this.#loseCalls()
    this.#fleet.store.flush()
  }

  async #loseCalls(): Promise<void> {
    for (const pause of this.#pauses.splice(0)) pause.fail()
    await this.#fleet.runtime.settle()
  }

  #break(command: Fault): void {
    const { store } = this.#fleet
    switch (command.do) {
      case 'resume':
        return this.#endPause(command.which)?.resume()
      case 'fail':
        return this.#endPause(command.which)?.fail()
      case 'evict':
        return store.evict(storageKeyOf(command.key), command.part)
      case 'expireLease':
        return store.expireLease(storageKeyOf(command.key))
      default:
        this.#breakMember(command)
    }
  }

  #endPause(which: number): Pause | undefined {
    return this.#pauses.splice(which % Math.max(this.#pauses.length, 1), 1)[0]
  }

  #breakMember(command: FaultOfMember): void {
    const { instance, clock } = this.#lives[command.by]!.member
    switch (command.do) {
      case 'pause':
        return void this.#pauses.push(instance.pause(command.operation, { moment: command.moment, calls: 1 }))
      case 'lose': {
        const pause = instance.pause(command.operation, { moment: command.moment, calls: 1 })
        return void pause.reached.then(() => pause.fail())
      }
      case 'replace':
        return this.#replace(command)
      case 'messages':
        return instance.messages[command.fault]()
      case 'stall':
        clock.aheadMs += 3000
        return
      default:
        instance[command.do]()
    }
  }

  #replace({ by, isCut }: Of<'replace'>): void {
    const left = this.#lives[by]!
    left.member.instance.cut()
    this.#history.bury(left.by)
    this.#gone.push(left)
    const name = memberCount + this.#gone.length
    this.#lives[by] = Life.join(name, this.#fleet, { ...this.#options, memoryEntries, isCut })
  }

  #start(command: Work): void {
    const life = this.#lives[command.by]!
    const work = this.#perform(command, life).catch((error: unknown) => {
      const isGone = !this.#lives.includes(life)
      if (!isGone) this.#failures.push(`${command.do} failed: ${error instanceof Error ? error.stack : String(error)}`)
    })
    this.#running.add(work)
    void work.then(() => this.#running.delete(work))
  }

  async #perform(command: Work, life: Life): Promise<unknown> {
    const { by } = life
    const { cache } = life.member
    const what = command.do
    switch (command.do) {
      case 'get':
        return this.#read(
          { what, by, asked: [command.key] },
          async () => new Map([[command.key, await cache.get(command.key)]]),
        )
      case 'getWithToken':
        return this.#readAfter(life, command.key)
      case 'getMany':
        return this.#read({ what, by, asked: keys }, () => cache.getMany(keys))
      case 'getOrSet':
        return this.#read({ what, by, asked: [command.key] }, async () => {
          const { key, loadMs, forceFresh } = command
          return new Map([[key, await cache.getOrSet(key, () => this.#load(key, loadMs), { forceFresh })]])
        })
      case 'getOrSetMany':
        return this.#read({ what, by, asked: keys }, () =>
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
        const change = this.#history.begin(command.key, by, 'remove')
        const { tiers, token } = await cache.invalidate(command.key)
        return this.#history.end(change, { ...outcomeOf({ tiers, token }), now: this.#now })
      }
      case 'expire':
        return this.#change(life, { how: 'expire', changed: [command.key] }, () => cache.expire(command.key))
      case 'mutate':
        return this.#mutate(life, command.key)
      case 'invalidateTags':
        return this.#change(life, { how: 'remove', changed: keys }, () => cache.invalidateTags(['all']))
      case 'clear':
        return this.#change(life, { how: 'remove', changed: keys }, () => cache.clear())
    }
  }

  async #read(
    { what, by, asked }: { readonly what: string; readonly by: number; readonly asked: readonly Key[] },
    read: () => Promise<ReadonlyMap<string, unknown>>,
  ): Promise<void> {
    const begun = asked.map((key) => this.#history.read(what, { key, by, now: this.#now }))
    const values = await read()
    for (const each of begun) this.#history.check(each, { value: values.get(each.key), now: this.#now })
  }

  async #readAfter({ by, member }: Life, key: Key): Promise<void> {
    const after = this.#history.latest(key)
    const read = this.#history.read('getWithToken', { key, by, now: this.#now, after })
    const value = await member.cache.get(key, after?.token === undefined ? {} : { after: after.token })
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
    const changes = changed.map((key) => this.#history.begin(key, by, 'set'))
    const values = changes.map(({ key, value }) => [key as Key, value]) as [[Key, number]]
    const told = await tell(values)
    for (const change of changes) {
      const answer = told instanceof Map ? told.get(change.key)! : (told as WriteAnswer)
      this.#history.end(change, { ...outcomeOf(answer), now: this.#now })
    }
  }

  /** A change that does not say what the store made of it: it counts for the others when nothing went wrong. */
  async #change(
    life: Life,
    { how, changed }: { readonly how: 'expire' | 'remove'; readonly changed: readonly Key[] },
    tell: () => Promise<unknown>,
  ): Promise<void> {
    const changes = changed.map((key) => this.#history.begin(key, life.by, how))
    const isCalm = await this.#watch(life, tell)
    for (const change of changes) this.#history.end(change, { now: this.#now, isConfirmed: isCalm })
  }

  async #mutate(life: Life, key: Key): Promise<void> {
    let change: Change | undefined
    const isCalm = await this.#watch(life, () =>
      life.member.cache.mutate([key], async () => {
        await this.#pause(3)
        change = this.#history.begin(key, life.by, 'remove')
        await this.#pause(2)
      }),
    )
    this.#history.end(change!, { now: this.#now, isConfirmed: isCalm })
  }

  async #watch(life: Life, work: () => Promise<unknown>): Promise<boolean> {
    const before = life.errors
    const wasHealthy = life.isHealthy()
    await work()
    return (await wasHealthy) && before === life.errors && (await life.isHealthy())
  }

  #pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#fleet.runtime.timers.after(ms, resolve))
  }
}

interface WriteAnswer {
  readonly tiers: Readonly<Record<string, string>>
  readonly token: string
}

function outcomeOf({ tiers, token }: WriteAnswer): Omit<Outcome, 'now'> {
  const state = tiers['shared']
  return { isConfirmed: state === 'applied', isOwed: state === 'failed' || state === 'pending', token }
}

function storageKeyOf(key: Key): string {
  return `tw:1:factors:${key}`
}

const faults: ReadonlySet<string> = new Set<Fault['do']>([
  'pause',
  'lose',
  'replace',
  'resume',
  'fail',
  'messages',
  'cut',
  'mend',
  'stall',
  'evict',
  'expireLease',
])

function isFault(command: Exclude<Command, Of<'advance' | 'flush'>>): command is Fault {
  return faults.has(command.do)
}

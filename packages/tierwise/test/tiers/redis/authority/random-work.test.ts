import { Redis } from 'ioredis'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { seededRandom, type SeededRandom } from '../../../../src/testing/seeded-random.ts'
import type { FleetTier } from '../opened-tier.ts'
import { numbered, openedTier } from '../opened-tier.ts'
import { clients, find, frameOf, portsThrough, readLog, removal, replacement } from './authority-session.ts'

/** What gave a key a version. Moments count everything that is sent and answered by anybody. */
interface Given {
  readonly key: string
  readonly version: number
  readonly value: string | undefined
  readonly kind: 'fill' | 'set' | 'delete' | 'expire'
  readonly sentAt: number
  readonly answeredAt: number
  /** When the lease of a fill was there. */
  readonly leasedAt: number
}

const keys = numbered('tw:1:r:', 3)
const operationsOfEach = 400
let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())

/** Works on the keys with one connection, and writes down what it did. */
class Worker {
  readonly #tier: FleetTier
  readonly #random: SeededRandom
  readonly #history: Given[]
  readonly #now: () => number

  constructor(tier: FleetTier, random: SeededRandom, history: { readonly given: Given[]; now(): number }) {
    this.#tier = tier
    this.#random = random
    this.#history = history.given
    this.#now = () => history.now()
  }

  async run(): Promise<void> {
    for (let count = 0; count < operationsOfEach; count++) {
      const work = [this.#one()]
      if (this.#random() < 0.3) work.push(this.#one())
      await Promise.all(work)
    }
  }

  #one(): Promise<void> {
    const key = this.#random.pick(keys)
    return this.#random() < 0.7 ? this.#load(key) : this.#change(key)
  }

  async #load(key: string): Promise<void> {
    const isForced = this.#random() < 0.2
    const newerThan = this.#random() < 0.7 ? Infinity : undefined
    const [answer] = await this.#tier.authority.acquire([
      { key, leaseMs: 1 + this.#random.int(10), isForced, newerThan },
    ])
    const leasedAt = this.#now()
    if (answer?.kind !== 'granted') return
    for (let turns = this.#random.int(30); turns > 0; turns--) await turn()
    const { lease } = answer
    if (this.#random() < 0.1) return this.#tier.authority.release([{ key, lease }])
    const value = `loaded ${leasedAt}`
    const sentAt = this.#now()
    const [filled] = await this.#tier.authority.fill([{ key, lease, bytes: frameOf(key, value), expiresAt: Infinity }])
    if (filled !== undefined && 'version' in filled)
      this.#note({ key, version: filled.version, value, kind: 'fill', sentAt, leasedAt })
  }

  async #change(key: string): Promise<void> {
    const kind = this.#random.pick(['set', 'delete', 'expire'] as const)
    const sentAt = this.#now()
    const value = `set ${sentAt}`
    const holdMs = this.#random() < 0.1 ? this.#random.int(4) : undefined
    const wanted = kind === 'set' ? replacement(key, { value, holdMs }) : removal(key, { operation: kind, holdMs })
    const [answer] = await this.#tier.authority.change([wanted])
    if (answer === undefined || !('version' in answer)) throw new Error(`A change was refused`)
    const isRefused = 'refused' in answer
    this.#note({
      key,
      version: answer.version,
      value: kind === 'set' && !isRefused ? value : undefined,
      kind: isRefused ? 'delete' : kind,
      sentAt,
      leasedAt: Infinity,
    })
  }

  #note(given: Omit<Given, 'answeredAt'>): void {
    this.#history.push({ ...given, answeredAt: this.#now() })
  }
}

it('never stores what was loaded before a change, and gives versions that increase, to eight connections at once', async () => {
  const seed = Number(process.env['SEED'] ?? 20_261_121)
  const random = seededRandom(seed)
  let moment = 0
  const given: Given[] = []
  const tiers = await Promise.all(
    numbered('', 8).map(async (_, index) => {
      const client = clients[index % clients.length] ?? 'ioredis'
      return (await openedTier({ ports: () => portsThrough(client, server) })).tier
    }),
  )
  const workers = tiers.map(
    (tier) => new Worker(tier, seededRandom(random.int(2 ** 31)), { given, now: () => ++moment }),
  )
  await Promise.all(workers.map((worker) => worker.run()))

  for (const key of keys) {
    const events = given.filter((event) => event.key === key).toSorted((one, other) => one.version - other.version)
    expect(faultsOf(events), `seed ${seed}`).toEqual([])
    expect(events.filter(({ kind }) => kind === 'fill').length, 'fills that were taken').toBeGreaterThan(50)
    expect(valueOf(await find(tiers[0] as FleetTier, key)), `seed ${seed}`).toEqual(lastValue(events))
  }
  await checkLog(given, seed)
  await Promise.all(tiers.map((tier) => tier.close()))
}, 60_000)

/** Of the events of one key, in the order of their versions. */
function faultsOf(events: readonly Given[]): string[] {
  const faults: string[] = []
  for (const [index, event] of events.entries()) {
    for (const later of events.slice(index + 1)) {
      if (later.version === event.version) faults.push(`${event.version} was given twice`)
      if (later.answeredAt < event.sentAt)
        faults.push(`${later.version} was given before ${event.version} was asked for`)
      if (later.kind === 'fill' && event.kind !== 'fill' && event.sentAt > later.leasedAt)
        faults.push(`${later.value} was stored after a ${event.kind} that came after its lease`)
    }
  }
  return faults
}

/** What must be held in the end: expiries change no value. */
function lastValue(events: readonly Given[]): { value: string; version: number } | undefined {
  const last = events.findLast(({ kind }) => kind !== 'expire')
  const version = events.at(-1)?.version ?? 0
  return last?.value === undefined ? undefined : { value: last.value, version }
}

function valueOf(found: Awaited<ReturnType<typeof find>>): { value: unknown; version: unknown } | undefined {
  return found && { value: found.value, version: found.version }
}

/** Every change is in the log once, in the order of the versions of its key; no load is. */
async function checkLog(given: readonly Given[], seed: number): Promise<void> {
  const admin = new Redis({ port: server.port })
  const log = await readLog(admin)
  admin.disconnect()
  expect(log.map(({ before }) => before).slice(1)).toEqual(log.map(({ id }) => id).slice(0, -1))
  const logged = log.flatMap(({ changes }) => changes)
  for (const key of keys) {
    const versions = logged.filter(([, name]) => name === key).map(([, , version]) => version)
    const changed = given.filter((event) => event.key === key && event.kind !== 'fill').map(({ version }) => version)
    expect(versions, `seed ${seed}`).toEqual(changed.toSorted((one, other) => one - other))
  }
}

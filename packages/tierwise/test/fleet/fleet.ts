import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom, type SeededRandom } from '../../src/testing/seeded-random.ts'
import { until } from '../../src/testing/servers/until.ts'
import { tcpProxy } from '../../src/testing/tcp-proxy.ts'
import type { LastLook, MemberSettings, RedisPlace, SourceCalls } from './calls.ts'
import { Faults } from './faults.ts'
import { History, type HistoryEvent } from './history.ts'
import { Member } from './member-process.ts'
import { monotonicMs } from './monotonic.ts'
import { report, type FleetReport } from './report.ts'
import { primariesOf, startServers, stopServers, type Servers, type Variant } from './servers.ts'
import type { Handlers } from './wire.ts'

export interface FleetOptions {
  readonly variant: Variant
  readonly seed: number
  readonly processes: number
  readonly keys: number
  /** How long there is trouble. What comes after takes some seconds more. */
  readonly forMs: number
  /** There is trouble until so many answers have been judged, for three times as long at most. @default 0 */
  readonly answers?: number
  /** Path of the program of a member. */
  readonly program: string
  /** For disks. */
  readonly folder: string
}

const maxStalenessMs = 2000
/** What was lost is repaired by whoever has found out, and again a second later if that failed. */
const repairMs = 1500
const clocksAheadMs = [0, 0, 15 * 60_000, -15 * 60_000]

/** Processes with caches over the same servers, the source of their values, and the trouble they are in. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #random: SeededRandom
  readonly #history: History
  readonly #servers: Servers
  readonly #members: Member[] = []
  readonly #events: HistoryEvent[] = []
  /** Changes of processes that have died: whose, and whether somebody is telling them again. */
  readonly #debts = new Set<Promise<void>>()
  #faults: Faults | undefined
  #answers = 0
  #trouble: Promise<unknown> = Promise.resolve()
  #hasEnded = false

  private constructor(options: FleetOptions, servers: Servers) {
    this.#options = options
    this.#servers = servers
    this.#random = seededRandom(options.seed)
    this.#history = new History({ keys: options.keys, maxStalenessMs, now: monotonicMs })
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const servers = await startServers(options.variant)
    const fleet = new Fleet(options, servers)
    for (let index = 0; index < options.processes; index++) await fleet.#addMember(index)
    return fleet
  }

  /** Lets the members work in trouble, looks at what they hold in the end, and tells what was wrong. */
  async run(): Promise<FleetReport> {
    const startedAt = monotonicMs()
    this.#faults = new Faults({
      members: this.#members,
      servers: this.#servers,
      random: this.#random,
      now: monotonicMs,
      losses: {
        begin: (instant) => this.#history.doubtSince(instant),
        end: () => this.#recover(),
        heads: (until) => this.#history.distrustBarriers(until),
      },
      log: (what) => this.#events.push({ at: monotonicMs(), who: 'fault', what }),
    })
    await this.#troubleUntilWrong()
    const looks = this.#history.violations.length > 0 ? [] : await this.#lastLooks()
    return report({
      options: this.#options,
      history: this.#history,
      members: this.#members,
      faults: this.#faults.counts,
      events: this.#events,
      answers: this.#answers,
      looks,
      durationMs: monotonicMs() - startedAt,
    })
  }

  async stop(): Promise<void> {
    this.#hasEnded = true
    this.#faults?.end()
    // A fault that is not over would start a server again that has been stopped.
    await this.#trouble
    await Promise.all(this.#members.map((member) => member.stop()))
    for (const { proxy } of this.#members) await proxy?.close()
    await stopServers(this.#servers)
  }

  /** A violation ends the run: what follows from it is no news. */
  async #troubleUntilWrong(): Promise<void> {
    const { forMs, answers = 0 } = this.#options
    const over = this.#faults!.trouble(forMs, () => this.#answers >= answers)
    this.#trouble = over.catch(() => {})
    const wrong = until(() => this.#history.violations.length > 0 || this.#hasEnded, {
      what: 'a violation',
      timeoutMs: 3 * forMs + 600_000,
      everyMs: 50,
    })
    wrong.catch(() => {})
    await Promise.race([over, wrong])
    this.#faults!.end()
  }

  async #addMember(index: number): Promise<void> {
    const { variant, program } = this.#options
    const proxy =
      this.#servers.kind === 'single'
        ? await tcpProxy({ target: { host: this.#servers.server.host, port: this.#servers.server.port } })
        : undefined
    const place = this.#place(proxy?.port)
    this.#members.push(
      new Member({
        index,
        program,
        proxy,
        settings: (life) => this.#settings(index, life, place),
        handlers: (member) => this.#handlers(member),
        ended: (member) => this.#bury(member),
      }),
    )
    this.#events.push({ at: monotonicMs(), who: 'fleet', what: `m${index} over ${variant}` })
  }

  #place(proxyPort: number | undefined): RedisPlace {
    const servers = this.#servers
    if (servers.kind === 'single') return { kind: 'single', port: proxyPort ?? servers.server.port }
    if (servers.kind === 'cluster') return { kind: 'cluster', ports: servers.cluster.nodes.map(({ port }) => port) }
    const { masterName, sentinels } = servers.group
    return { kind: 'sentinel', name: masterName, ports: sentinels.map(({ port }) => port) }
  }

  #settings(index: number, life: number, place: RedisPlace): MemberSettings {
    const { seed, keys, folder } = this.#options
    return {
      seed: seed + 1000 * life + index,
      keys,
      place,
      client: index % 2 === 0 ? 'ioredis' : 'node-redis',
      disk: index % 3 === 2 ? join(folder, `disk-${index}`) : null,
      memoryEntries: index % 4 === 3 ? Math.ceil(keys / 3) : null,
      aheadMs: clocksAheadMs[(index + life) % clocksAheadMs.length]!,
      listens: index % 2 === 1,
      maxStalenessMs,
    }
  }

  #handlers(member: string): Handlers<SourceCalls> {
    const history = this.#history
    return {
      read: (keys) => keys.map((key) => history.current(key)),
      begin: ({ keys, how }) =>
        keys.flatMap((key) => {
          const number = history.begin(key, member, how)
          return number === undefined ? [] : [{ key, number }]
        }),
      end: (all) => {
        for (const told of all) history.end(member, told)
        return null
      },
      newest: (key) => history.newest(key) ?? null,
      seen: (all) => {
        for (const seen of all) {
          this.#answers += seen.count
          history.see(member, seen)
        }
        return null
      },
      wrong: (wrong) => {
        history.accuse(member, wrong)
        return null
      },
    }
  }

  /** What a dead process was changing is told again by another one; until then nobody else changes it. */
  async #bury(member: string): Promise<void> {
    // What it had sent has been taken by the servers, or never will be.
    for (const primary of await primariesOf(this.#servers).catch(() => []))
      await primary.command('PING').catch(() => undefined)
    const heir = `heir of ${member}`
    const keys = [...new Set([...this.#history.inherit(member, heir), ...this.#history.owedBy(member)])]
    if (keys.length > 0) this.#owe(this.#tellAgain(keys, heir))
  }

  #owe(debt: Promise<void>): void {
    this.#debts.add(debt)
    void debt.then(() => this.#debts.delete(debt))
  }

  async #tellAgain(keys: readonly number[], heir: string): Promise<void> {
    let left = keys
    while (left.length > 0 && !this.#hasEnded) {
      const numbers = new Map(left.map((key) => [key, this.#history.current(key)]))
      const told = await this.#random
        .pick(this.#members)
        .ask('tellAgain', left)
        .catch(() => [])
      for (const each of told) {
        if (each.at === null) continue
        this.#history.end(heir, { ...each, number: numbers.get(each.key)! })
        left = left.filter((key) => key !== each.key)
      }
      await sleep(20)
    }
  }

  /** Resolves once every member has heard of all that happened before the call, and has repaired what was lost. */
  async #recover(): Promise<void> {
    await this.#whenConfirmed(monotonicMs())
    await sleep(repairMs)
    const names = new Set(this.#members.map(({ name }) => name))
    await this.#tellAgain(
      this.#history.doubtedOf((member) => names.has(member)),
      'heir of the dead',
    )
    this.#history.trust()
  }

  async #whenConfirmed(since: number): Promise<void> {
    const isConfirmed = async (member: Member): Promise<boolean> => {
      const health = await member.ask('health', null).catch(() => undefined)
      return health?.isHealthy === true && health.intents === 0 && (health.confirmedAt ?? -Infinity) > since
    }
    await until(async () => this.#hasEnded || (await Promise.all(this.#members.map(isConfirmed))).every((is) => is), {
      what: 'every member being well',
      timeoutMs: 60_000,
      everyMs: 50,
      explain: () => this.#explain(),
    })
  }

  async #explain(): Promise<string> {
    const all = await Promise.all(this.#members.map((member) => member.ask('health', null).catch(String)))
    const latest = this.#events.slice(-20).map(({ at, what }) => `${(at - monotonicMs()).toFixed()} ${what}`)
    return `${all.map((health) => JSON.stringify(health)).join('\n')}\n${latest.join('\n')}`
  }

  async #lastLooks(): Promise<readonly (LastLook & { readonly member: string })[]> {
    await Promise.all(this.#members.map((member) => member.ask('rest', null)))
    await Promise.all(this.#debts)
    await this.#whenConfirmed(monotonicMs())
    await sleep(maxStalenessMs + 2000)
    const keys = Array.from({ length: this.#options.keys }, (_, key) => key)
    const looks: (LastLook & { readonly member: string })[] = []
    for (const member of this.#members)
      for (const look of await member.ask('lookAt', keys)) looks.push({ ...look, member: member.name })
    return looks
  }
}

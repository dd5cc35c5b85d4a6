import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { RedisServer } from '../../src/testing/servers/index.ts'
import type { TcpProxy } from '../../src/testing/tcp-proxy.ts'
import type { Member } from './member-process.ts'
import { primariesOf, removeSnapshot, whenReplicated, type Servers } from './servers.ts'

/** What servers lose although they had confirmed it. */
export interface Losses {
  /** What was confirmed since `instant` may be lost from now on. */
  begin(instant: number): void
  /** Resolves when every member has found out what was lost. */
  end(): Promise<void>
  /** Until then lanes may lose their heads unnoticed. */
  heads(until: number): void
}

export interface FaultsParts {
  readonly members: readonly Member[]
  readonly servers: Servers
  readonly random: SeededRandom
  readonly losses: Losses
  readonly now: () => number
  readonly log: (what: string) => void
}

type Fault = () => Promise<void>

/** Members look at the heads every second; one that is cut off from them serves nothing after its bound. */
const noticedMs = 8_000

/** Faults of processes and connections, and of the servers, at random, until the time is over. */
export class Faults {
  /** How often each fault was there. */
  readonly counts: Record<string, number> = {}
  readonly #parts: FaultsParts
  /** While it is found out what a server has lost no connection is touched, or it would never be. */
  #isQuiet = false
  #isOver = false

  constructor(parts: FaultsParts) {
    this.#parts = parts
  }

  /** Makes trouble until it has lasted and it is enough; afterwards everything is fine again. */
  async trouble(forMs: number, isEnough: () => boolean): Promise<void> {
    const { random, now } = this.#parts
    const startedAt = now()
    const isOver = (): boolean => {
      const lastedMs = now() - startedAt
      return lastedMs >= forMs && (isEnough() || lastedMs >= 3 * forMs)
    }
    const outcomes = await Promise.allSettled([
      this.#repeat(isOver, 500, () => this.#run(this.#ofMembers(random.pick(this.#parts.members)))),
      this.#repeat(isOver, 1500, () => this.#run(this.#ofServers())),
    ])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Begins no further fault. */
  end(): void {
    this.#isOver = true
  }

  async #repeat(isOver: () => boolean, pauseMs: number, fault: () => Promise<void>): Promise<void> {
    while (!isOver() && !this.#isOver) {
      await sleep(this.#parts.random.int(2 * pauseMs))
      if (!this.#isQuiet && !this.#isOver) await fault()
    }
  }

  async #run(faults: Readonly<Record<string, Fault>>): Promise<void> {
    const { random, log } = this.#parts
    const name = random.pick(Object.keys(faults))
    this.counts[name] = (this.counts[name] ?? 0) + 1
    log(`${name} begins`)
    await faults[name]!()
    log(`${name} over`)
  }

  #ofMembers(member: Member): Readonly<Record<string, Fault>> {
    const { random } = this.#parts
    const freeze: Fault = () => member.freeze(random.pick([50, 300, 2500]) + random.int(500))
    const label = `m${member.index}`
    const ofProcess = { [`${label} frozen`]: freeze, [`${label} killed`]: () => member.replace() }
    if (member.proxy === undefined) return ofProcess
    return { ...ofProcess, ...this.#ofConnections(label, member.proxy) }
  }

  #ofConnections(label: string, proxy: TcpProxy): Readonly<Record<string, Fault>> {
    const { random } = this.#parts
    const passAfter = async (ms: number): Promise<void> => {
      await sleep(ms)
      await proxy.pass()
    }
    // Longer than the bound on staleness, now and then.
    const longMs = random.pick([100, 400, 1500, 6500])
    return {
      [`${label} cut`]: async () => proxy.cut(random.pick(['reset', 'end'])),
      [`${label} silenced`]: () => {
        proxy.silence({ direction: random.pick(['to-target', 'to-client', 'both']) })
        return passAfter(random.int(longMs))
      },
      [`${label} half-open`]: () => {
        proxy.silence({ connections: 'existing' })
        return passAfter(random.int(longMs))
      },
      [`${label} delayed`]: () => {
        proxy.delay(1 + random.int(150), { direction: random.pick(['to-target', 'to-client', 'both']) })
        return passAfter(random.int(1500))
      },
      [`${label} refused`]: async () => {
        await proxy.refuse(random.pick(['closed', 'reset']))
        proxy.cut()
        return passAfter(random.int(longMs))
      },
    }
  }

  #ofServers(): Readonly<Record<string, Fault>> {
    const { servers } = this.#parts
    const common = {
      'subscribers killed': () => this.#killSubscribers(),
      'output buffers full': () => this.#fillBuffers(),
      flushed: () => this.#loseHeads(async () => void (await (await this.#anyPrimary()).command('FLUSHALL'))),
      evicting: () => this.#loseHeads(() => this.#evict()),
      'server paused': () => this.#pause(),
    }
    if (servers.kind === 'single')
      return {
        ...common,
        'restarted empty': () => this.#restartEmpty(servers.server),
        reloaded: async () => void (await servers.server.command('DEBUG', 'RELOAD')),
        'snapshot restored': () => this.#restoreSnapshot(servers.server),
      }
    if (servers.kind === 'sentinel')
      return {
        ...common,
        'failed over': () => this.#failOver(() => servers.group.failOver()),
        'primary killed': () =>
          this.#failOver(async () => {
            const killed = await servers.group.killPrimary()
            await servers.group.primaryAfter(killed)
            await killed.restart()
          }),
      }
    return {
      ...common,
      'primary killed': () =>
        this.#failOver(async () => {
          const killed = await servers.cluster.killPrimaryOf(String(this.#parts.random.int(1000)))
          await servers.cluster.whenHealthy()
          await killed.restart()
          await servers.cluster.whenHealthy()
        }),
    }
  }

  async #anyPrimary(): Promise<RedisServer> {
    return this.#parts.random.pick(await primariesOf(this.#parts.servers))
  }

  async #killSubscribers(): Promise<void> {
    for (const primary of await primariesOf(this.#parts.servers))
      await primary.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
  }

  /** Whoever listens is hung up on at the next message. */
  async #fillBuffers(): Promise<void> {
    const primary = await this.#anyPrimary()
    await primary.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1 1 1')
    await sleep(this.#parts.random.int(300))
    await primary.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 33554432 8388608 60')
  }

  async #evict(): Promise<void> {
    const { random } = this.#parts
    const primary = await this.#anyPrimary()
    const used = Number(/used_memory:(\d+)/.exec(await primary.command('INFO', 'memory'))?.[1])
    await primary.command('CONFIG', 'SET', 'maxmemory-policy', random.pick(['allkeys-random', 'volatile-random']))
    await primary.command('CONFIG', 'SET', 'maxmemory', String(used - random.int(40_000)))
    await sleep(random.int(800))
    await primary.command('CONFIG', 'SET', 'maxmemory', '0')
  }

  async #pause(): Promise<void> {
    const { servers, random } = this.#parts
    // Longer, and a replica would take over.
    const longestMs = servers.kind === 'single' ? 1500 : 300
    const primary = await this.#anyPrimary()
    primary.pause()
    await sleep(random.int(longestMs))
    primary.resume()
  }

  async #loseHeads(work: () => Promise<void>): Promise<void> {
    const { losses, now } = this.#parts
    losses.heads(Infinity)
    await work()
    losses.heads(now() + noticedMs)
  }

  async #restartEmpty(server: RedisServer): Promise<void> {
    await removeSnapshot(server)
    await server.kill()
    await sleep(this.#parts.random.int(400))
    await server.restart()
  }

  async #restoreSnapshot(server: RedisServer): Promise<void> {
    const { now, random, losses } = this.#parts
    losses.begin(now())
    await server.command('SAVE')
    await sleep(random.int(3000))
    await this.#quietly(async () => {
      await server.kill()
      await sleep(random.int(400))
      await server.restart()
      await removeSnapshot(server)
    })
  }

  async #failOver(work: () => Promise<unknown>): Promise<void> {
    const since = this.#parts.now()
    for (const primary of await primariesOf(this.#parts.servers)) await whenReplicated(primary)
    this.#parts.losses.begin(since)
    await this.#quietly(work)
  }

  async #quietly(work: () => Promise<unknown>): Promise<void> {
    this.#isQuiet = true
    try {
      await work()
      await this.#parts.losses.end()
    } finally {
      this.#isQuiet = false
    }
  }
}

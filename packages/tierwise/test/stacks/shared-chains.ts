import { until } from '../../src/testing/servers/until.ts'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgresJs from 'postgres'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'

import { systemRuntime } from '../../src/base/runtime.ts'
import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { NamespaceOptions } from '../../src/contract/options.ts'
import type { Clock } from '../../src/contract/runtime.ts'
import type { TierDefinition } from '../../src/contract/tier.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startPostgres, startRedis, startRedisCluster } from '../../src/testing/index.ts'
import { disk } from '../../src/tiers/disk/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { postgres, type PostgresOptions } from '../../src/tiers/postgres/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { scratchFolder } from '../tiers/disk/scratch-folder.ts'
import { hurried } from '../hurried-timers.ts'
import { clientKinds, endHandedInClients, type ClientKind } from '../tiers/redis/clients.ts'

/** A chain of real tiers, with the packages that connect them. */
export interface SharedChain {
  readonly name: string
  readonly hasMemory: boolean
  /** Names of the tiers behind memory, fastest first. */
  readonly below: readonly string[]
  /** Names of all tiers. */
  readonly names: readonly string[]
  /** Tiers that instances share. */
  readonly shared: readonly string[]
  /** Tiers whose store belongs to this process: what they hold is not copied to where others would read it. */
  readonly ownStores: readonly string[]
  tiers(options: { readonly withMemory: boolean }): readonly TierDefinition[]
}

/** The clock of a process, which a test may move. */
export class MovableClock implements Clock {
  readonly #base = systemRuntime().clock
  #aheadMs: number

  constructor(aheadMs = 0) {
    this.#aheadMs = aheadMs
  }

  now(): number {
    return this.#base.now() + this.#aheadMs
  }

  burstNow(): number {
    return this.now()
  }

  advance(ms: number): void {
    this.#aheadMs += ms
  }
}

/** One process of the application. */
export interface Instance {
  readonly manager: CacheManager
  readonly cache: Cache
  readonly clock: MovableClock
  /** Lets time pass at once, and waits until it is known again what other instances have changed: no message told of it. */
  later(ms: number): Promise<void>
}

export interface InstanceOptions {
  /** Instances of one application share it. */
  readonly prefix: string
  /** @default whether the chain has one */
  readonly withMemory?: boolean
  readonly clock?: MovableClock
  readonly namespace?: NamespaceOptions
}

const instances = new Set<CacheManager>()
let prefixes = 0

/** The first part of storage keys that no other test uses, so that no server has to be emptied in between. */
export function ownPrefix(): string {
  return `t${prefixes++}`
}

export async function openInstance(chain: SharedChain, options: InstanceOptions): Promise<Instance> {
  const { prefix, withMemory = chain.hasMemory, clock = new MovableClock(), namespace = {} } = options
  const manager = createCacheManager({
    tiers: chain.tiers({ withMemory }),
    namespaces: { test: namespace },
    prefix,
    runtime: { clock, timers: hurried(systemRuntime().timers) },
    // Late answers are no subject here, and the machine may be busy.
    tierTimeout: '5s',
  })
  instances.add(manager)
  await manager.start()
  await connectEverywhere(manager.namespace('test'))
  const later = async (ms: number): Promise<void> => {
    clock.advance(ms)
    const isProved = async (): Promise<boolean> => ((await manager.health()).bus?.confirmedAgoMs ?? 0) < 4000
    await until(isProved, { what: 'the proof after a leap of the clock' })
  }
  return { manager, cache: manager.namespace('test'), clock, later }
}

/** With each new connection the clock of the server is measured again: none may be made after a leap of this one. */
async function connectEverywhere(cache: Cache): Promise<void> {
  const keys = Array.from({ length: 100 }, (_, at) => `absent ${at}`)
  for (let times = 0; times < 3; times++) await cache.getMany(keys)
}

/** Starts the servers, once for a test file, and ends everything after it. */
export async function startChains(): Promise<readonly SharedChain[]> {
  const [single, cluster, database, pglite] = await Promise.all([
    startRedis(),
    startRedisCluster({ replicas: 0 }),
    startPostgres(),
    PGlite.create(),
  ])
  const pool = new pg.Pool({ connectionString: database.url })
  const sql = postgresJs(database.url, { onnotice: () => undefined })
  const folder = scratchFolder()
  afterEach(async () => {
    for (const manager of instances) await manager.stop()
    instances.clear()
    await endHandedInClients()
  })
  afterAll(async () => {
    await Promise.all([pool.end(), sql.end(), pglite.close()])
    await Promise.all([single.stop(), cluster.stop(), database.stop()])
  })

  const place = { port: single.port, db: Number(new URL(single.url).pathname.slice(1) || 0) }
  const ports = cluster.nodes.map(({ port }) => port)
  const kindOf = (name: string): ClientKind => clientKinds.find((kind) => kind.name.startsWith(name))!
  let folders = 0
  const onRedis = (kind: ClientKind): TierPart => ({ name: 'redis', make: () => redis(kind.single(place)) })
  const onDisk = (): TierPart => ({
    name: 'disk',
    isOwn: true,
    make: () => disk({ path: join(folder, String(folders++)) }),
  })
  const onCluster = (kind: ClientKind): TierPart => ({
    name: 'redisCluster',
    make: () => redis({ name: 'redisCluster', ...kind.cluster(ports) }),
  })
  const onPostgres = (connection: PostgresOptions): TierPart => ({
    name: 'postgres',
    isOwn: connection.pglite !== undefined,
    make: () => postgres({ maxBytes: '100mb', ...connection }),
  })
  const packages: readonly (readonly [string, string, string, PostgresOptions])[] = [
    ['ioredis, created', 'node-redis, created', 'pg', { pool }],
    ['node-redis 5', 'ioredis 5', 'postgres', { sql }],
    ['iovalkey, created', 'iovalkey, created', 'PGlite', { pglite }],
    ['ioredis 5', 'node-redis 5', 'pg by URL', { url: database.url }],
  ]
  return [
    chainOf('memory', true, []),
    ...clientKinds.map((kind) => chainOf(`redis (${kind.name})`, false, [onRedis(kind)])),
    ...clientKinds.map((kind) => chainOf(`memory, redis (${kind.name})`, true, [onRedis(kind)])),
    ...['node-redis, created', 'ioredis 5'].map((name) =>
      chainOf(`memory, redis (${name}), disk`, true, [onRedis(kindOf(name)), onDisk()]),
    ),
    ...packages.map(([one, many, name, connection]) =>
      chainOf(`memory, redis (${one}), cluster (${many}), postgres (${name})`, true, [
        onRedis(kindOf(one)),
        onCluster(kindOf(many)),
        onPostgres(connection),
      ]),
    ),
  ]
}

interface TierPart {
  readonly name: string
  readonly isOwn?: boolean
  readonly make: () => TierDefinition
}

function chainOf(name: string, hasMemory: boolean, parts: readonly TierPart[]): SharedChain {
  const below = parts.map((part) => part.name)
  return {
    name,
    hasMemory,
    below,
    names: hasMemory ? ['memory', ...below] : below,
    shared: below.filter((each) => each !== 'disk'),
    ownStores: parts.filter(({ isOwn }) => isOwn === true).map((part) => part.name),
    tiers: ({ withMemory }) => [...(withMemory ? [memory()] : []), ...parts.map((part) => part.make())],
  }
}

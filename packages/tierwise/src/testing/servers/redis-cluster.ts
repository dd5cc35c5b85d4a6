import { ownsSlot, parseClusterNodes, type ClusterNodeLine } from './cluster-nodes.ts'
import { startRedisIn, type LocalRedis } from './local-redis.ts'
import { freePorts } from './ports.ts'
import { redisBinary, type RedisBinary } from './redis-binary.ts'
import { runRedisCommand } from './redis-command.ts'
import { allStarted, isInSync, replicationConfig } from './redis-sentinel.ts'
import type { RedisServer } from './redis-server.ts'
import { ServerFolder } from './server-folder.ts'
import { portWasTaken } from './server-process.ts'
import { SlotMove, type SlotMigration } from './slot-move.ts'
import { until } from './until.ts'

export interface RedisClusterOptions {
  /** At least 3, the default. */
  readonly primaries?: number
  /** Replicas of each primary. Default: 1. */
  readonly replicas?: number
  readonly password?: string
  /** Silence after which the others take a node for down. Default: 1000 ms. */
  readonly nodeTimeoutMs?: number
  /** Directives of redis.conf for every node. */
  readonly config?: Readonly<Record<string, string>>
  readonly binary?: RedisBinary
}

export interface MoveSlotOptions {
  /**
   * Runs in the middle, when the old owner answers ASK for keys it does not have. No key has been moved yet; the ones
   * that are left are moved afterwards.
   */
  readonly during?: (migration: SlotMigration) => Promise<void>
}

/** A real Redis Cluster. */
export interface RedisCluster {
  /** All nodes; the first were the primaries at the start. */
  readonly nodes: readonly RedisServer[]
  slotOf(key: string): Promise<number>
  /** The node that owns the slot of the key now. */
  primaryOf(key: string): Promise<RedisServer>
  /** Nodes that own slots now. */
  primaries(): Promise<readonly RedisServer[]>
  /** Moves a slot with its keys while the cluster works, as a resharding does. Names of keys are single lines. */
  moveSlot(slot: number, to: RedisServer, options?: MoveSlotOptions): Promise<void>
  /** Kills the node that owns the slot of the key and resolves to it. A failover takes about two seconds. */
  killPrimaryOf(key: string): Promise<RedisServer>
  /** Resolves when all nodes that run agree that every slot has an owner that runs, and all replicas are in sync. */
  whenHealthy(): Promise<void>
  /** Ends all nodes and removes their files. Can be called again. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const startAttempts = 3

/** Starts a cluster and resolves when it is healthy. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  for (let attempt = 1; ; attempt++) {
    const cluster = new LocalCluster(await ServerFolder.create({ kind: 'cluster' }), options)
    try {
      await cluster.start()
      return cluster
    } catch (error) {
      await cluster.stop()
      if (!portWasTaken(error) || attempt === startAttempts) throw error
    }
  }
}

class LocalCluster implements RedisCluster {
  readonly nodes: LocalRedis[] = []
  readonly #folder: ServerFolder
  readonly #options: RedisClusterOptions
  readonly #binary: RedisBinary

  constructor(folder: ServerFolder, options: RedisClusterOptions) {
    this.#folder = folder
    this.#options = options
    this.#binary = options.binary ?? redisBinary()
  }

  async start(): Promise<void> {
    const { primaries = 3, replicas = 1 } = this.#options
    const ports = await freePorts(primaries * (1 + replicas))
    this.nodes.push(...(await allStarted(ports.map((port) => this.#startNode(port)))))
    const addresses = this.nodes.map(({ host, port }) => `${host}:${port}`)
    await runRedisCommand(this.#binary.cli, {
      target: ['--cluster', 'create', ...addresses],
      password: this.#options.password,
      args: ['--cluster-replicas', String(replicas), '--cluster-yes'],
    })
    await this.whenHealthy()
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#anyNode().command('CLUSTER', 'KEYSLOT', key))
  }

  async primaryOf(key: string): Promise<RedisServer> {
    const slot = await this.slotOf(key)
    const owner = (await this.#view()).find((line) => ownsSlot(line, slot))
    if (!owner) throw new Error(`Slot ${slot} has no owner`)
    return this.#nodeAt(owner.port)
  }

  async primaries(): Promise<readonly RedisServer[]> {
    const owners = (await this.#view()).filter((line) => line.slots.length > 0)
    return owners.map(({ port }) => this.#nodeAt(port))
  }

  async moveSlot(slot: number, to: RedisServer, { during }: MoveSlotOptions = {}): Promise<void> {
    const view = await this.#view()
    const source = view.find((line) => ownsSlot(line, slot))
    const target = view.find((line) => line.port === to.port)
    if (!source || !target) throw new Error(`Slot ${slot} has no owner, or port ${to.port} is not of this cluster`)
    if (source === target) return
    const move = new SlotMove(slot, {
      from: this.#nodeAt(source.port),
      fromId: source.id,
      to: this.#nodeAt(to.port),
      toId: target.id,
      others: (await this.primaries()).filter(({ port }) => port !== source.port && port !== to.port),
    })
    await move.run(during)
  }

  async killPrimaryOf(key: string): Promise<RedisServer> {
    const primary = await this.primaryOf(key)
    await primary.kill()
    return primary
  }

  async whenHealthy(): Promise<void> {
    await until(() => this.#isHealthy(), {
      what: 'the cluster becoming healthy',
      timeoutMs: 30_000,
      everyMs: 50,
      explain: () => this.#anyNode().command('CLUSTER', 'NODES'),
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.#folder.remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #startNode(port: number): Promise<LocalRedis> {
    const { password, nodeTimeoutMs = 1000, config } = this.#options
    return startRedisIn(this.#folder, {
      name: `node-${port}`,
      port,
      binary: this.#binary,
      ...(password === undefined ? {} : { password }),
      config: {
        ...replicationConfig(password),
        'cluster-enabled': 'yes',
        'cluster-node-timeout': String(nodeTimeoutMs),
        // A replica takes over however long it has not heard of its primary, and stays where it was put.
        'cluster-replica-validity-factor': '0',
        'cluster-allow-replica-migration': 'no',
        ...config,
      },
    })
  }

  #anyNode(): LocalRedis {
    const node = this.nodes.find(({ isRunning }) => isRunning)
    if (!node) throw new Error('No node of the cluster runs')
    return node
  }

  #nodeAt(port: number): LocalRedis {
    const node = this.nodes.find((candidate) => candidate.port === port)
    if (!node) throw new Error(`No node of the cluster has port ${port}`)
    return node
  }

  async #view(node: RedisServer = this.#anyNode()): Promise<readonly ClusterNodeLine[]> {
    return parseClusterNodes(await node.command('CLUSTER', 'NODES'))
  }

  async #isHealthy(): Promise<boolean> {
    const running = this.nodes.filter(({ isRunning }) => isRunning)
    let agreed: string | undefined
    for (const node of running) {
      if (!(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false
      const view = await this.#view(node)
      if (!isContent(view, running)) return false
      const summary = summaryOf(view, running)
      if (summary !== (agreed ??= summary)) return false
      const follows = view.find(({ port }) => port === node.port)?.follows !== undefined
      if (follows && !(await isInSync(node))) return false
    }
    return true
  }
}

const unwell = ['fail', 'fail?', 'handshake', 'noaddr']

/** Whether all nodes that run are known as such and own all slots that are owned. */
function isContent(view: readonly ClusterNodeLine[], running: readonly RedisServer[]): boolean {
  const ports = new Set(running.map(({ port }) => port))
  const alive = view.filter(({ port, flags }) => ports.has(port) && !unwell.some((flag) => flags.has(flag)))
  return alive.length === running.length && view.every(({ port, slots }) => slots.length === 0 || ports.has(port))
}

/** Who follows whom and who owns what among the nodes that run. */
function summaryOf(view: readonly ClusterNodeLine[], running: readonly RedisServer[]): string {
  return running
    .map(({ port }) => view.find((line) => line.port === port))
    .map((line) => `${line?.id} ${line?.follows} ${line?.slots.map((range) => range.join('-')).join(' ')}`)
    .join('\n')
}

import { inTime } from '../../deadline.ts'
import { measureLatency, readClock, type ClockReading, type Latency } from '../latency.ts'
import { linesOf, pairsOf, refusalOf, textOf, type Node, type Reply } from './reply.ts'
import { readRights, type Rights, type RightsSubject } from './rights.ts'

/** What one server was asked, and answered. What it refuses to tell is absent. */
export interface NodeReading {
  readonly address: string
  readonly latency: Latency
  readonly clock: ClockReading | undefined
  readonly info: ReadonlyMap<string, string>
  readonly config: ReadonlyMap<string, string>
  readonly cluster: ReadonlyMap<string, string>
  readonly rights: Rights
  /** Names of what was refused: `INFO`, `CONFIG GET`. */
  readonly hidden: readonly string[]
}

export interface NodeProbe {
  readonly node: Node
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly rights: RightsSubject
}

const configNames = [
  'maxmemory',
  'maxmemory-policy',
  'save',
  'appendonly',
  'appendfsync',
  'stop-writes-on-bgsave-error',
  'min-replicas-to-write',
  'notify-keyspace-events',
  'protected-mode',
  'timeout',
] as const

/** Asks one server everything. Every command of it reads. */
export async function probeNode({ node, timeoutMs, signal, rights }: NodeProbe): Promise<NodeReading> {
  const ask = (args: readonly string[]): Promise<Reply> => inTime(node.send(args), timeoutMs, signal)
  /** Undefined when the server will not tell. */
  const tell = async (...args: readonly string[]): Promise<Reply | undefined> => {
    try {
      return await ask(args)
    } catch (error) {
      if (refusalOf(error) === undefined) throw error
      return undefined
    }
  }
  const latency = await measureLatency(() => tell('PING'))
  const clock = await readServerClock(() => tell('TIME'))
  const info = await tell('INFO')
  const isCluster = linesOf(info).get('cluster_enabled') === '1'
  const cluster = isCluster ? await tell('CLUSTER', 'INFO') : undefined
  // Servers before version 7 take one name at a time.
  const configs = await Promise.all(configNames.map((name) => tell('CONFIG', 'GET', name)))
  const config = configs.flatMap((reply) => [...pairsOf(reply)])
  const hidden = [
    ...(info === undefined ? ['INFO'] : []),
    ...(configs.includes(undefined) ? ['CONFIG GET'] : []),
    ...(isCluster && cluster === undefined ? ['CLUSTER INFO'] : []),
  ]
  return {
    address: node.address,
    latency,
    clock,
    info: linesOf(info),
    config: new Map(config.map(([name, value]) => [name, textOf(value) ?? ''])),
    cluster: linesOf(cluster),
    rights: await readRights(tell, rights),
    hidden,
  }
}

/** TIME answers seconds and microseconds. */
async function readServerClock(time: () => Promise<Reply | undefined>): Promise<ClockReading | undefined> {
  const reading = await readClock(async () => {
    const reply = await time()
    if (!Array.isArray(reply)) return NaN
    return Number(textOf(reply[0] as Reply)) * 1000 + Number(textOf(reply[1] as Reply)) / 1000
  })
  return Number.isNaN(reading.offsetMs) ? undefined : reading
}

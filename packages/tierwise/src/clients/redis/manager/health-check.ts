import { withDeadline } from '../../../base/deadline.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { TimeoutError } from '../../../errors.ts'
import type { RedisNode, RedisPort } from '../port.ts'
import {
  hitRateOf,
  judgeHitRate,
  judgeNode,
  statusOf,
  type HealthFinding,
  type HealthLimits,
  type RedisStatus,
} from './health-rules.ts'
import { parseInfo, type RedisInfo } from './info.ts'
import { LookupWindow } from './lookup-window.ts'
import { describeNode, type RedisNodeHealth } from './node-health.ts'
import { pairsOf, replyCodeOf, textOf } from './reply.ts'

/** What a check found. */
export interface RedisHealth {
  readonly status: RedisStatus
  /** Epoch milliseconds. */
  readonly checkedAt: number
  /** Milliseconds of a PING of the slowest server; undefined when one did not answer. */
  readonly latencyMs: number | undefined
  /** Hits as a share of the look-ups by all clients since the window began; undefined without any. */
  readonly hitRate: number | undefined
  /** Look-ups that `hitRate` is about. */
  readonly lookups: number
  /** The server, or every primary of a cluster, that could be read. */
  readonly nodes: readonly RedisNodeHealth[]
  /** Why the status is what it is, and what else is worth knowing. */
  readonly findings: readonly HealthFinding[]
}

export interface HealthCheckParts {
  readonly port: RedisPort
  readonly runtime: Runtime
  readonly limits: HealthLimits
  /** For everything that one server is asked. */
  readonly timeoutMs: number
  /** How long look-ups are counted before they are judged anew. */
  readonly windowMs: number
}

interface NodeResult {
  readonly node: RedisNodeHealth | undefined
  readonly findings: readonly HealthFinding[]
}

const pings = 3
const configNames = ['save', 'appendfsync', 'stop-writes-on-bgsave-error']

/** Looks at every primary. Reads only: nothing of a server is ever changed. */
export class HealthCheck {
  readonly #parts: HealthCheckParts
  readonly #window: LookupWindow

  constructor(parts: HealthCheckParts) {
    this.#parts = parts
    this.#window = new LookupWindow(parts.windowMs)
  }

  /** Never rejects: a server that cannot be asked is a finding. */
  async run(): Promise<RedisHealth> {
    const results = await this.#results()
    const nodes = results.flatMap(({ node }) => node ?? [])
    const lookups = { hits: sum(nodes, 'hits'), misses: sum(nodes, 'misses') }
    const findings = results
      .flatMap((result) => result.findings)
      .concat(judgeHitRate(lookups, this.#parts.limits))
      .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
    const latencies = results.map(({ node }) => node?.latencyMs)
    return {
      status: statusOf(findings),
      checkedAt: this.#parts.runtime.clock.now(),
      latencyMs: latencies.some((latency) => latency === undefined) ? undefined : Math.max(...(latencies as number[])),
      hitRate: hitRateOf(lookups),
      lookups: lookups.hits + lookups.misses,
      nodes,
      findings,
    }
  }

  async #results(): Promise<readonly NodeResult[]> {
    try {
      const nodes = await this.#inTime(this.#parts.port.primaries())
      if (nodes.length === 0) return [unreachable(undefined, 'no primary is known')]
      this.#window.keep(nodes.map(({ address }) => address))
      return await Promise.all(nodes.map((node) => this.#look(node)))
    } catch (error) {
      return [unreachable(undefined, reasonOf(error))]
    }
  }

  async #look(node: RedisNode): Promise<NodeResult> {
    try {
      return await this.#inTime(this.#read(node))
    } catch (error) {
      return unreachable(node.address, reasonOf(error))
    }
  }

  async #read(node: RedisNode): Promise<NodeResult> {
    const { clock } = this.#parts.runtime
    const latencyMs = await this.#latency(node)
    const isCluster = this.#parts.port.topology === 'cluster'
    const [info, cluster, ...configs] = await Promise.all([
      ask(node, 'INFO'),
      isCluster ? ask(node, 'CLUSTER', 'INFO') : new Map<string, string>(),
      // Servers before version 7 take one name at a time.
      ...configNames.map((name) => ask(node, 'CONFIG', 'GET', name)),
    ])
    const config = new Map(configs.flatMap((each) => [...(each ?? [])]))
    const { lookups, restarted } = this.#window.since(node.address, info ?? none, clock.now())
    const facts = { address: node.address, latencyMs, info: info ?? none, config, cluster: cluster ?? none }
    const health = describeNode(facts, lookups)
    const hidden = info === undefined ? ['INFO'] : configs.includes(undefined) ? ['CONFIG GET'] : []
    const notes = [
      ...hidden.map((name) => hiddenFact(node.address, name)),
      ...(restarted ? [restart(node.address)] : []),
    ]
    return { node: health, findings: [...judgeNode(health, this.#parts.limits), ...notes] }
  }

  async #latency(node: RedisNode): Promise<number | undefined> {
    const { clock } = this.#parts.runtime
    const times: number[] = []
    while (times.length < pings) {
      const start = clock.now()
      await ping(node)
      times.push(clock.now() - start)
    }
    return times.toSorted((a, b) => a - b)[1]
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    const { runtime, timeoutMs } = this.#parts
    const error = (): Error =>
      new TimeoutError(`Redis did not answer a health check within ${timeoutMs} ms`, {
        code: 'ERR_CACHE_TIER_TIMEOUT',
        operation: 'health',
        retryable: true,
      })
    return withDeadline(work, timeoutMs, { timers: runtime.timers, error })
  }
}

const none: RedisInfo = new Map()
const severities: readonly HealthFinding['severity'][] = ['critical', 'warning', 'info']
/** The server works, and this user or this provider does not let us ask. */
const refusals = ['NOPERM', 'ERR', 'NOTALLOWED']

/** Any reply will do: a server that is loading, or that refuses writes after a failed snapshot, refuses PING as well. */
async function ping(node: RedisNode): Promise<void> {
  try {
    await node.send(['PING'])
  } catch (error) {
    if (replyCodeOf(error) === undefined) throw error
  }
}

/** What a command tells; undefined when it is refused. */
async function ask(node: RedisNode, ...args: readonly string[]): Promise<RedisInfo | undefined> {
  try {
    const reply = await node.send(args)
    if (args[0] !== 'CONFIG') return parseInfo(textOf(reply) ?? '')
    return new Map([...pairsOf(reply)].map(([name, value]) => [name, textOf(value) ?? '']))
  } catch (error) {
    if (refusals.includes(replyCodeOf(error) ?? '')) return undefined
    throw error
  }
}

function unreachable(address: string | undefined, reason: string): NodeResult {
  const message = `Redis cannot be asked: ${reason}`
  const advice = 'Check that the server runs, its address, and the network between'
  return { node: undefined, findings: [{ code: 'unreachable', severity: 'critical', address, message, advice }] }
}

function hiddenFact(address: string, command: string): HealthFinding {
  const advice = 'Allow it to this user to see more, or leave it: nothing depends on it'
  return { code: 'facts-hidden', severity: 'info', address, message: `${command} is refused`, advice }
}

function restart(address: string): HealthFinding {
  const advice = 'Nothing if it was meant; a server without persistence starts empty'
  const message = 'The server has restarted since the last check'
  return { code: 'restarted', severity: 'info', address, message, advice }
}

function reasonOf(error: unknown): string {
  const code = replyCodeOf(error)
  if (code !== undefined) return `it answered ${code}`
  return error instanceof Error ? error.message : String(error)
}

function sum(nodes: readonly RedisNodeHealth[], name: 'hits' | 'misses'): number {
  return nodes.reduce((total, { lookups }) => total + lookups[name], 0)
}

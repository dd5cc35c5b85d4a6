import { withDeadline } from '../../base/deadline.ts'
import type { Random, Timers } from '../../contract/runtime.ts'
import { redisFailure, RedisFailure } from './client-failure.ts'
import type { NodeRedisClient } from './client-shapes.ts'
import { addressText, type SentinelDeployment, type ServerAddress } from './connection.ts'
import { callNodeRedis } from './node-redis-link.ts'

export interface LookupOptions {
  readonly deployment: SentinelDeployment
  readonly role: 'primary' | 'replica'
  readonly timeoutMs: number
  readonly timers: Timers
  readonly random: Random
  /** A client that gives up after the first failure. */
  readonly makeSentinel: (address: ServerAddress) => NodeRedisClient
}

/** Asks the Sentinels one after the other where the primary is, or where a replica is. @throws RedisFailure of the last one when none can tell */
export async function findServer(options: LookupOptions): Promise<ServerAddress> {
  let failure = new RedisFailure('No Sentinel could be asked.', 'connection', undefined)
  for (const sentinel of options.deployment.nodes) {
    try {
      return await ask(sentinel, options)
    } catch (error) {
      const { message, code } = redisFailure(error)
      failure = new RedisFailure(`Sentinel ${addressText(sentinel)}: ${message}`, 'connection', code)
    }
  }
  throw failure
}

async function ask(sentinel: ServerAddress, options: LookupOptions): Promise<ServerAddress> {
  const client = options.makeSentinel(sentinel)
  // The rejection of the call says the same; without a listener the event would end the process.
  client.on('error', () => {})
  const late = { timers: options.timers, error: () => new Error(`no answer within ${options.timeoutMs} ms`) }
  try {
    return await withDeadline(
      client.connect().then(() => locate(client, options)),
      options.timeoutMs,
      late,
    )
  } finally {
    if (client.isOpen) client.destroy()
  }
}

async function locate(client: NodeRedisClient, options: LookupOptions): Promise<ServerAddress> {
  const { deployment, role, random } = options
  if (role === 'replica') {
    const replicas = readReplicas(await callNodeRedis(client, ['SENTINEL', 'REPLICAS', deployment.name]))
    const chosen = replicas[Math.floor(random() * replicas.length)]
    if (chosen === undefined) throw new Error(`${deployment.name} has no replica that is up`)
    return chosen
  }
  const reply = await callNodeRedis(client, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', deployment.name])
  if (!Array.isArray(reply)) throw new Error(`there is no primary of the name ${deployment.name}`)
  return { host: String(reply[0]), port: Number(reply[1]) }
}

/** One flat list of names and values a replica. */
function readReplicas(reply: unknown): readonly ServerAddress[] {
  const found: ServerAddress[] = []
  for (const fields of Array.isArray(reply) ? (reply as unknown[][]) : []) {
    const of = (name: string): string => String(fields[fields.findIndex((field) => String(field) === name) + 1])
    if (/down|disconnected/.test(of('flags')) || of('master-link-status') !== 'ok') continue
    found.push({ host: of('ip'), port: Number(of('port')) })
  }
  return found
}

import type * as redisModule from 'tierwise/redis'
import type { RedisManagerOptions } from 'tierwise/redis'
import { inTime } from '../../deadline.ts'
import { messageOf } from '../../failure.ts'
import type { ConfiguredTier, ExaminationContext } from '../configured-tier.ts'
import type { Facts, Finding } from '../finding.ts'
import { pairsOf, textOf, type Manager, type Reply } from './reply.ts'

export interface SentinelExamination {
  readonly facts: Facts
  readonly findings: readonly Finding[]
}

interface SentinelSettings {
  readonly name: string
  readonly nodes: readonly { readonly host: string; readonly port?: number }[]
  readonly username?: string
  readonly password?: string
  readonly tls?: boolean
}

interface Testimony {
  readonly address: string
  readonly primary?: string | undefined
  readonly quorum?: number
  readonly hasQuorum?: boolean
  readonly failure?: string
}

type RedisModule = typeof redisModule

/** Asks every Sentinel who the primary is, and whether enough of them could agree on another one. */
export async function examineSentinels(
  module: RedisModule,
  { options }: ConfiguredTier,
  context: ExaminationContext,
): Promise<SentinelExamination> {
  const settings = options['sentinel'] as SentinelSettings | undefined
  if (settings === undefined) return { facts: {}, findings: [] }
  const testimonies = await Promise.all(
    settings.nodes.map((node) => hear(module, { settings, node, tls: options['tls'], context })),
  )
  const primaries = new Set(testimonies.flatMap(({ primary }) => primary ?? []))
  const answered = testimonies.filter(({ failure }) => failure === undefined).length
  return {
    facts: {
      sentinels: `${answered} of ${testimonies.length} answer, quorum ${testimonies.find(({ quorum }) => quorum)?.quorum ?? '?'}`,
      primary: [...primaries].join(' or ') || 'none is known',
    },
    findings: judge(testimonies, primaries, settings.name),
  }
}

interface Hearing {
  readonly settings: SentinelSettings
  readonly node: SentinelSettings['nodes'][number]
  readonly tls: unknown
  readonly context: ExaminationContext
}

async function hear(module: RedisModule, { settings, node, tls, context }: Hearing): Promise<Testimony> {
  const { timeoutMs, signal } = context
  const { username, password, name } = settings
  const port = node.port ?? 26_379
  const address = `${node.host}:${port}`
  const options: RedisManagerOptions = {
    host: node.host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(settings.tls === true ? { tls: tls as NonNullable<RedisManagerOptions['tls']> } : {}),
    connectTimeout: timeoutMs,
    heartbeat: false,
    health: { interval: false },
  }
  // Without a user or password of its own a Sentinel is not given that of the environment.
  const manager = module.createRedisManager(options)
  try {
    await inTime(manager.connect(), timeoutMs * 2, signal)
    return { address, ...(await testimonyOf(manager, name, context)) }
  } catch (error) {
    return { address, failure: messageOf(error) }
  } finally {
    await manager.disconnect()
  }
}

async function testimonyOf(
  manager: Manager,
  name: string,
  { timeoutMs, signal }: ExaminationContext,
): Promise<Omit<Testimony, 'address'>> {
  const ask = (...args: readonly string[]): Promise<Reply> =>
    inTime(manager.ports.primary.send({ args: ['SENTINEL', ...args] }), timeoutMs, signal)
  const place = await ask('GET-MASTER-ADDR-BY-NAME', name)
  if (!Array.isArray(place)) return { primary: undefined }
  const facts = pairsOf(await ask('MASTER', name))
  const hasQuorum = await ask('CKQUORUM', name).then(
    () => true,
    () => false,
  )
  const primary = `${textOf(place[0] as Reply)}:${textOf(place[1] as Reply)}`
  return { primary, quorum: Number(textOf(facts.get('quorum'))), hasQuorum }
}

function judge(testimonies: readonly Testimony[], primaries: ReadonlySet<string>, name: string): readonly Finding[] {
  const silent = testimonies.filter(({ failure }) => failure !== undefined)
  const strangers = testimonies.filter(({ failure, primary }) => failure === undefined && primary === undefined)
  const withoutQuorum = testimonies.filter(({ hasQuorum }) => hasQuorum === false)
  const isDeaf = silent.length === testimonies.length
  return [
    ...silent.map(({ address, failure = '' }): Finding => ({
      severity: isDeaf ? 'failure' : 'warning',
      code: 'sentinel-unreachable',
      server: address,
      message: `The Sentinel does not answer: ${failure}`,
      advice: 'Check its address, and its own password (`sentinel.password`)',
    })),
    ...strangers.map(({ address }): Finding => ({
      severity: 'failure',
      code: 'sentinel-name',
      server: address,
      message: `The Sentinel knows no primary with the name ${name}`,
      advice: 'Compare `sentinel.name` with `sentinel monitor` in its configuration',
    })),
    ...withoutQuorum.map(({ address }): Finding => ({
      severity: 'warning',
      code: 'sentinel-quorum',
      server: address,
      message: 'Too few Sentinels can be reached to agree on a failover',
      advice: 'Start the missing ones, or lower the quorum',
    })),
    ...(primaries.size > 1 ? [disagreement(primaries)] : []),
    ...(testimonies.length < 3 ? [few(testimonies.length)] : []),
  ]
}

function disagreement(primaries: ReadonlySet<string>): Finding {
  const message = `The Sentinels do not agree on the primary: ${[...primaries].join(', ')}`
  const advice = 'Wait for a failover to end; if it stays so, look at the network between the Sentinels'
  return { severity: 'failure', code: 'sentinel-disagreement', message, advice }
}

function few(count: number): Finding {
  const message = `${count} of the Sentinels ${count === 1 ? 'is' : 'are'} listed`
  const advice = 'List three or more, on hosts that do not fail together'
  return { severity: 'advice', code: 'sentinel-few', message, advice }
}

import type * as redisModule from 'tierwise/redis'
import { inTime } from '../../deadline.ts'
import { messageOf } from '../../failure.ts'
import type { ConfiguredTier, ExaminationContext } from '../configured-tier.ts'
import type { Facts, Finding, TierExamination } from '../finding.ts'
import { deploymentFindings } from './deployment-rules.ts'
import { redisNeeds, type RedisNeeds } from './needs.ts'
import { nodeFacts } from './node-facts.ts'
import { probeNode, type NodeReading } from './node-probe.ts'
import { judgeNode } from './node-rules.ts'
import type { Manager } from './reply.ts'
import { managerOptions } from './manager-options.ts'
import { healthFindings, securityFindings } from './manager-findings.ts'
import { examineSentinels } from './sentinels.ts'

type RedisModule = typeof redisModule

/** Examines the servers of a Redis tier over one connection to each, with commands that read. */
export async function examineRedis(tier: ConfiguredTier, context: ExaminationContext): Promise<TierExamination> {
  const module = await context.library.tierwise<RedisModule>('tierwise/redis')
  let manager: Manager
  try {
    manager = module.createRedisManager(managerOptions(tier, context.timeoutMs))
  } catch (error) {
    return failed(tier, { place: 'unknown', code: 'options', message: messageOf(error), reachable: undefined })
  }
  const needs = redisNeeds(tier, context.configuration)
  try {
    return await examineOver(manager, { module, tier, context, needs })
  } finally {
    await manager.disconnect()
  }
}

interface Examination {
  readonly module: RedisModule
  readonly tier: ConfiguredTier
  readonly context: ExaminationContext
  readonly needs: RedisNeeds
}

async function examineOver(manager: Manager, examination: Examination): Promise<TierExamination> {
  const { module, tier, context, needs } = examination
  const sentinels = await examineSentinels(module, tier, context)
  const refusal = await inTime(manager.connect(), context.timeoutMs * 2, context.signal).then(
    () => undefined,
    (error: unknown) => error,
  )
  context.signal.throwIfAborted()
  if (refusal !== undefined) {
    // Of a server that lets nobody in, only its certificate is worth a word.
    const security = securityFindings(await manager.securityStatus()).filter(({ code }) => code.includes('certificate'))
    const unreachable = failed(tier, {
      place: manager.place,
      code: codeOf(manager),
      message: messageOf(refusal),
      reachable: false,
    })
    return { ...unreachable, findings: [...unreachable.findings, ...sentinels.findings, ...security] }
  }
  const readings = await readNodes(manager, examination)
  const [health, security] = await Promise.all([manager.health(), manager.securityStatus()])
  context.signal.throwIfAborted()
  const facts: Facts = {
    client: manager.ports.primary.package,
    security: `${security.level}, ${security.score} of ${security.maxScore} points`,
    ...sentinels.facts,
  }
  return {
    tier: tier.name,
    type: tier.type,
    place: manager.place,
    reachable: true,
    facts,
    servers: Object.fromEntries(readings.map((reading) => [reading.address, nodeFacts(reading)])),
    findings: [
      ...readings.flatMap((reading) => judgeNode(reading, needs)),
      ...healthFindings(health),
      ...deploymentFindings(readings, needs),
      ...sentinels.findings,
      ...securityFindings(security),
    ],
  }
}

async function readNodes(manager: Manager, { tier, context, needs }: Examination): Promise<readonly NodeReading[]> {
  const { primary } = manager.ports
  const { timeoutMs, signal } = context
  const nodes = await inTime(primary.primaries(), timeoutMs, signal)
  const isCluster = primary.topology === 'cluster'
  const rights = { prefix: needs.prefix, isCluster, tracks: tier.options['tracking'] !== undefined && needs.tracks }
  const read = await Promise.allSettled(nodes.map((node) => probeNode({ node, timeoutMs, signal, rights })))
  // A server that does not answer is a finding of the health check.
  return read.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

/** Whether it was the name or password, or the network. */
function codeOf(manager: Manager): string {
  const kinds = manager.securityEvents().map(({ kind }) => kind)
  if (kinds.includes('authentication')) return 'authentication'
  return kinds.includes('certificate') || kinds.includes('tls') ? 'tls' : 'unreachable'
}

interface FailedTier {
  readonly place: string
  readonly code: string
  readonly message: string
  readonly reachable: false | undefined
}

function failed(tier: ConfiguredTier, { place, code, message, reachable }: FailedTier): TierExamination {
  const findings: readonly Finding[] = [{ severity: 'failure', code, message }]
  return { tier: tier.name, type: tier.type, place, reachable, facts: {}, servers: {}, findings }
}

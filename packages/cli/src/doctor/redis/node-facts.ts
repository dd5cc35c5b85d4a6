import { durationText, sizeText } from '../../units.ts'
import type { Facts } from '../finding.ts'
import type { NodeReading } from './node-probe.ts'
import { maxMemoryOf, policyOf, versionOf } from './node-rules.ts'

/** What one server tells of itself, for a reader. */
export function nodeFacts(reading: NodeReading): Facts {
  const { latency, clock, info, config, rights } = reading
  const facts: Record<string, string | undefined> = {
    version: versionOf(reading),
    role: roleOf(info),
    latency: `${durationText(latency.p50)} (at most ${durationText(latency.max)})`,
    clock: clock && clockText(clock.offsetMs, clock.errorMs),
    memory: memoryText(reading),
    eviction: policyOf(reading),
    persistence: persistenceText(info, config),
    replicas: info.get('role') === 'master' ? info.get('connected_slaves') : undefined,
    clients: info.get('connected_clients') && `${info.get('connected_clients')} of ${info.get('maxclients') ?? '?'}`,
    notifications:
      config.get('notify-keyspace-events') === '' ? 'off (not needed)' : config.get('notify-keyspace-events'),
    user: rights.user,
  }
  return Object.fromEntries(Object.entries(facts).flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]])))
}

export function clockText(offsetMs: number, errorMs: number): string {
  if (Math.abs(offsetMs) <= errorMs) return `the same, within ${durationText(errorMs)}`
  return `${durationText(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead' : 'behind'}`
}

function roleOf(info: NodeReading['info']): string | undefined {
  const role = info.get('role')
  if (role === undefined) return undefined
  const mode = info.get('redis_mode') ?? info.get('server_mode')
  return `${role === 'master' ? 'primary' : 'replica'}${mode === undefined ? '' : `, ${mode}`}`
}

function memoryText(reading: NodeReading): string | undefined {
  const used = reading.info.get('used_memory')
  if (used === undefined) return undefined
  const max = maxMemoryOf(reading)
  const limit = max === undefined ? 'a hidden limit' : max === 0 ? 'no limit' : sizeText(max)
  return `${sizeText(Number(used))} of ${limit}`
}

function persistenceText(info: NodeReading['info'], config: NodeReading['config']): string | undefined {
  const save = config.get('save')
  const aof = info.get('aof_enabled')
  if (save === undefined && aof === undefined) return undefined
  const snapshots = save === undefined ? 'unknown' : save === '' ? 'off' : save
  const log = aof === undefined ? 'unknown' : aof === '1' ? (config.get('appendfsync') ?? 'on') : 'off'
  return `RDB ${snapshots}, AOF ${log}`
}

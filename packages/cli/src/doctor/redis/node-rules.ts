import { durationText, sizeText } from '../../units.ts'
import type { Finding } from '../finding.ts'
import type { RedisNeeds } from './needs.ts'
import type { NodeReading } from './node-probe.ts'

type Found = Omit<Finding, 'server'> | undefined
type Rule = (reading: NodeReading, needs: RedisNeeds) => Found

/** What is wrong with one server, for what the configuration needs of it. */
export function judgeNode(reading: NodeReading, needs: RedisNeeds): readonly Finding[] {
  return rules.flatMap((rule) => {
    const found = rule(reading, needs)
    return found === undefined ? [] : [{ ...found, server: reading.address }]
  })
}

/** `maxmemory` in bytes: 0 for none, undefined when it is hidden. */
export function maxMemoryOf({ info, config }: NodeReading): number | undefined {
  const value = config.get('maxmemory') ?? info.get('maxmemory')
  return value === undefined ? undefined : Number(value)
}

export function policyOf({ info, config }: NodeReading): string | undefined {
  return config.get('maxmemory-policy') ?? info.get('maxmemory_policy')
}

export function versionOf({ info }: NodeReading): string | undefined {
  return info.get('valkey_version') ?? info.get('redis_version')
}

const oldestVersion = [6, 2] as const
/** Ends of lives are compared by clocks of different hosts. */
const worryingClockMs = 1000
const wrongClockMs = 30_000
const volatileAdvice = 'Set maxmemory-policy to volatile-lru or volatile-ttl'

const rules: readonly Rule[] = [
  function version(reading) {
    const text = versionOf(reading)
    if (text === undefined) return undefined
    const [major = 0, minor = 0] = text.split('.').map(Number)
    const [wantedMajor, wantedMinor] = oldestVersion
    if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return undefined
    const advice = `Use Redis or Valkey ${oldestVersion.join('.')} or newer`
    return { severity: 'failure', code: 'version-old', message: `The server is version ${text}`, advice }
  },

  function topology({ info }, { topology: configured }) {
    const isCluster = info.get('cluster_enabled') === '1'
    if (!isCluster || configured === 'cluster') return undefined
    const message = 'The server is a node of a cluster, and the configuration takes it for one server'
    const advice = 'Say `cluster: { nodes: [...] }` instead of its address: keys of other nodes cannot be reached'
    return { severity: 'failure', code: 'topology', message, advice }
  },

  function eviction(reading, { coherent }) {
    const policy = policyOf(reading)
    if (policy?.startsWith('allkeys-') !== true) return undefined
    const what = 'the marks of invalidated tags and the log by which instances hear of changes'
    const message = `maxmemory-policy is ${policy}: Redis may evict ${what}; then instances empty their memory and load anew`
    const severity = coherent.length > 0 ? 'warning' : 'advice'
    return { severity, code: 'eviction-allkeys', message, advice: `${volatileAdvice}: these have no end and stay` }
  },

  function noEviction(reading) {
    const [policy, max] = [policyOf(reading), maxMemoryOf(reading)]
    if (policy !== 'noeviction' || max === undefined || max === 0) return undefined
    const used = Number(reading.info.get('used_memory') ?? 0)
    const isFull = used >= max
    const message = `maxmemory-policy is noeviction: ${isFull ? 'memory is full and values are refused' : `from ${sizeText(max)} on values are refused`}`
    return { severity: isFull ? 'failure' : 'warning', code: 'eviction-none', message, advice: volatileAdvice }
  },

  function noLimit(reading) {
    if (maxMemoryOf(reading) !== 0) return undefined
    const message =
      'maxmemory is not set: a growing cache takes the memory of the host until the system ends the server'
    const advice = 'Set maxmemory to about three quarters of what the host can spare, and a policy that evicts'
    return { severity: 'warning', code: 'memory-unlimited', message, advice }
  },

  function nearlyFull(reading) {
    const [used, max] = [Number(reading.info.get('used_memory') ?? 0), maxMemoryOf(reading)]
    if (!max || used < max * 0.9 || policyOf(reading) === 'noeviction') return undefined
    const message = `${sizeText(used)} of ${sizeText(max)} are used, and ${policyOf(reading) ?? 'an unknown policy'} makes room`
    return {
      severity: 'advice',
      code: 'memory-full',
      message,
      advice: 'Nothing if the hit rate is good; else raise maxmemory',
    }
  },

  function endless(reading, { endless: namespaces }) {
    if (namespaces.length === 0 || policyOf(reading)?.startsWith('volatile-') !== true) return undefined
    const message = `Entries of ${namespaces.join(', ')} have no end, and ${policyOf(reading)} evicts only what has one`
    const advice = 'Give these namespaces a long ttl instead of `forever`'
    return { severity: 'advice', code: 'endless-entries', message, advice }
  },

  function latency({ latency: { p50, max } }, { tierTimeoutMs }) {
    const times = `PING takes ${durationText(p50)}, at most ${durationText(max)}`
    const advice = 'Look at SLOWLOG, at the network between, and whether the server is far away; or raise `tierTimeout`'
    if (p50 >= tierTimeoutMs)
      return {
        severity: 'failure',
        code: 'latency',
        message: `${times}: slower than \`tierTimeout\` (${durationText(tierTimeoutMs)}), so every read is a miss`,
        advice,
      }
    if (max >= tierTimeoutMs)
      return {
        severity: 'warning',
        code: 'latency',
        message: `${times}: some operations miss \`tierTimeout\` (${durationText(tierTimeoutMs)})`,
        advice,
      }
    if (p50 < tierTimeoutMs / 5) return undefined
    return {
      severity: 'advice',
      code: 'latency',
      message: `${times}: much of \`tierTimeout\` (${durationText(tierTimeoutMs)})`,
      advice,
    }
  },

  function clock({ clock: reading }) {
    if (reading === undefined) return undefined
    const { offsetMs, errorMs } = reading
    const least = Math.abs(offsetMs) - errorMs
    if (least < worryingClockMs) return undefined
    const where = offsetMs > 0 ? 'ahead of' : 'behind'
    const message = `The clock of the server is ${durationText(Math.abs(offsetMs))} ${where} that of this host`
    const advice = 'Run NTP on both: ends of lives are compared by these clocks'
    return { severity: least < wrongClockMs ? 'warning' : 'failure', code: 'clock', message, advice }
  },

  function failover({ info, config }) {
    const replicas = Number(info.get('connected_slaves') ?? 0)
    if (replicas === 0 || config.get('min-replicas-to-write') !== '0') return undefined
    const message =
      'min-replicas-to-write is 0: a primary that was cut off goes on confirming changes that a failover loses'
    const advice = 'Set min-replicas-to-write 1 and min-replicas-max-lag 10'
    return { severity: 'advice', code: 'failover-loss', message, advice }
  },

  function persistence({ info, config }, { coherent, hasJournal }) {
    const isOff = config.get('save') === '' && info.get('aof_enabled') === '0'
    if (!isOff || coherent.length === 0 || hasJournal) return undefined
    const message =
      'The server keeps nothing over a restart: it then starts empty, and instances empty their memory with it'
    const advice = 'Nothing, if the sources stand that; else `appendonly yes` with `appendfsync everysec`'
    return { severity: 'advice', code: 'persistence-off', message, advice }
  },

  function rights({ rights: { user, missing } }) {
    if (missing === undefined) {
      const who = user === undefined ? 'the own user' : `the user ${user}`
      const message = `Whether ${who} has every right it needs cannot be asked (ACL DRYRUN)`
      const advice = 'Compare it with the rule in the guide "The Redis tier", or let an administrator run this'
      return { severity: 'advice', code: 'rights-unknown', message, advice }
    }
    if (missing.length === 0) return undefined
    const message = `The user ${user} may not run ${missing.join(', ')} on the keys it needs`
    const advice = 'Give it the rule in the guide "The Redis tier"'
    return { severity: 'failure', code: 'rights-missing', message, advice }
  },

  function hidden({ hidden: names }) {
    if (names.length === 0) return undefined
    const message = `${names.join(' and ')} refused: what it tells was not examined`
    return {
      severity: 'advice',
      code: 'facts-hidden',
      message,
      advice: 'Allow it to this user, or let an administrator run this',
    }
  },
]

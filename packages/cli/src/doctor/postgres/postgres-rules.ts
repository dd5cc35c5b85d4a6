import type { TierOptions } from '../../configuration.ts'
import { bytesOf, durationText, sizeText } from '../../units.ts'
import type { Finding } from '../finding.ts'
import type { PostgresReading } from './read-postgres.ts'

/** What a configuration needs of the PostgreSQL of one tier. */
export interface PostgresNeeds {
  readonly options: TierOptions
  readonly schema: string
  /** Whether instances hear of each other's changes through it. */
  readonly listens: boolean
  readonly tierTimeoutMs: number
  readonly isLoopback: boolean
}

type Rule = (reading: PostgresReading, needs: PostgresNeeds) => Finding | undefined

export function judgePostgres(reading: PostgresReading, needs: PostgresNeeds): readonly Finding[] {
  return rules.flatMap((rule) => rule(reading, needs) ?? [])
}

const oldestVersion = 140_000

const rules: readonly Rule[] = [
  function version({ server }) {
    if (server.versionNumber >= oldestVersion) return undefined
    const message = `The server is version ${server.version}`
    return { severity: 'failure', code: 'version-old', message, advice: 'Use PostgreSQL 14 or newer' }
  },

  function standby({ server }) {
    if (!server.isStandby && !server.isReadOnly) return undefined
    const message = server.isStandby
      ? 'The server is a standby: writes are refused'
      : 'Transactions are read-only by default: writes are refused'
    return {
      severity: 'failure',
      code: 'read-only',
      message,
      advice: 'Connect to the primary, with a role that may write',
    }
  },

  function tables({ schema, tables, server }, { options, schema: name }) {
    const absent = tables.filter(({ exists }) => !exists)
    if (absent.length === 0) return undefined
    const what = absent.length === tables.length ? 'the tables' : absent.map((each) => each.name).join(', ')
    const mayCreate = schema.exists ? schema.mayCreate && schema.mayUse : server.mayCreateSchema
    if (options['migrate'] !== false && mayCreate) {
      const message = `${what} will be made in the schema ${name} when the tier is first opened`
      return { severity: 'ok', code: 'tables-absent', message }
    }
    const why = options['migrate'] === false ? '`migrate` is false' : `the role ${server.role} may not create them`
    const advice = 'Run the text of postgresMigrations() as somebody who may'
    return {
      severity: 'failure',
      code: 'tables-absent',
      message: `Absent from the schema ${name}: ${what}; ${why}`,
      advice,
    }
  },

  function rights({ schema, tables, server }, { schema: name }) {
    const refused = tables.filter(({ exists, hasRights }) => exists && !hasRights).map((each) => each.name)
    const isShut = schema.exists && !schema.mayUse
    if (refused.length === 0 && !isShut) return undefined
    const message = isShut
      ? `The role ${server.role} may not use the schema ${name}`
      : `The role ${server.role} may not read and write ${refused.join(', ')}`
    const advice = `grant usage on schema ${name} to ${server.role}; grant select, insert, update, delete on all tables in schema ${name} to ${server.role}`
    return { severity: 'failure', code: 'rights-missing', message, advice }
  },

  function superuser({ server }) {
    if (!server.isSuperuser) return undefined
    const message = `The role ${server.role} is a superuser`
    return {
      severity: 'warning',
      code: 'superuser',
      message,
      advice: 'Use a role of its own with the rights in the guide "The PostgreSQL tier"',
    }
  },

  function logged({ tables: [entries] }, { options }) {
    const wanted = options['logged'] === true
    if (entries?.exists !== true || entries.isLogged === wanted) return undefined
    const message = `The table is ${entries.isLogged ? 'logged' : 'unlogged'}, and \`logged\` is ${wanted}: an existing table stays what it is`
    const advice = `alter table ... set ${wanted ? 'logged' : 'unlogged'}, or change the option`
    return { severity: 'advice', code: 'logged', message, advice }
  },

  function vacuum({ server }) {
    if (server.hasAutovacuum) return undefined
    const message = 'autovacuum is off: tables that are rewritten as often as these grow without bound'
    return { severity: 'warning', code: 'autovacuum-off', message, advice: 'Switch autovacuum on' }
  },

  function size({ tables: [entries] }, { options }) {
    const quota = bytesOf(options['maxBytes']) ?? 1024 ** 3
    if (entries === undefined || entries.bytes <= quota * 2) return undefined
    const message = `The table takes ${sizeText(entries.bytes)} for a quota of ${sizeText(quota)}`
    return {
      severity: 'warning',
      code: 'table-large',
      message,
      advice: 'See that autovacuum keeps up; `vacuum full` or `truncate` makes it small',
    }
  },

  function connections({ server }, { options }) {
    const own = Number(options['maxConnections'] ?? 10)
    const left = server.maxConnections - server.connections
    if (left > own * 2) return undefined
    const message = `${server.connections} of ${server.maxConnections} connections are in use; each process of the application may take ${own}`
    return {
      severity: 'warning',
      code: 'connections',
      message,
      advice: 'Lower `maxConnections`, or put a pooler in between',
    }
  },

  function pooler(_reading, { options, listens }) {
    if (!listens || options['prepare'] !== false) return undefined
    const message =
      '`prepare` is false, as behind a pooler in transaction mode, where LISTEN does not work: memory would answer nothing'
    return { severity: 'warning', code: 'listen', message, advice: 'Connect to the server itself, or set `bus: false`' }
  },

  function encryption({ server }, { isLoopback }) {
    if (server.isEncrypted !== false || isLoopback) return undefined
    const message = 'The connection is not encrypted'
    return {
      severity: 'warning',
      code: 'unencrypted',
      message,
      advice: 'Add sslmode=verify-full to the URL, or set `tls`',
    }
  },

  function latency({ latency: { p50, max } }, { tierTimeoutMs }) {
    if (max < tierTimeoutMs) return undefined
    const message = `A statement takes ${durationText(p50)}, at most ${durationText(max)}: longer than \`tierTimeout\` (${durationText(tierTimeoutMs)})`
    const severity = p50 >= tierTimeoutMs ? 'failure' : 'warning'
    return {
      severity,
      code: 'latency',
      message,
      advice: 'Look at the network between and the load of the server; or raise `tierTimeout`',
    }
  },

  function clock({ clock: { offsetMs, errorMs } }) {
    const least = Math.abs(offsetMs) - errorMs
    if (least < 1000) return undefined
    const where = offsetMs > 0 ? 'ahead of' : 'behind'
    const message = `The clock of the server is ${durationText(Math.abs(offsetMs))} ${where} that of this host`
    return { severity: least < 30_000 ? 'warning' : 'failure', code: 'clock', message, advice: 'Run NTP on both' }
  },
]

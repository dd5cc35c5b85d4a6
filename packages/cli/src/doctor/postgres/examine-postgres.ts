import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { textOption } from '../../configuration.ts'
import { CommandFailure, messageOf } from '../../failure.ts'
import { openReadOnly } from '../../postgres/read-only-session.ts'
import { durationText, millisecondsOf, sizeText } from '../../units.ts'
import { tiersOf, type ConfiguredTier, type ExaminationContext } from '../configured-tier.ts'
import type { Facts, Finding, TierExamination } from '../finding.ts'
import { clockText } from '../redis/node-facts.ts'
import { placeOfUrl, urlOf } from './place.ts'
import { judgePostgres, type PostgresNeeds } from './postgres-rules.ts'
import { readPostgres, type PostgresReading } from './read-postgres.ts'

/** Examines the database of a PostgreSQL tier over one connection, in transactions that cannot write. */
export async function examinePostgres(tier: ConfiguredTier, context: ExaminationContext): Promise<TierExamination> {
  const { options } = tier
  const url = urlOf(tier, context)
  if (url === undefined) return examinePglite(tier, context)
  const base = { tier: tier.name, type: tier.type, place: placeOfUrl(url), servers: {} }
  try {
    const { library, timeoutMs, signal } = context
    const session = await openReadOnly({ url, options, library, timeoutMs, signal })
    try {
      const names = {
        schema: textOption(options, 'schema', 'tierwise'),
        table: textOption(options, 'table', 'entries'),
      }
      const reading = await readPostgres(session, names)
      const findings = judgePostgres(reading, needsOf(tier, url, context))
      return { ...base, reachable: true, facts: { client: session.package, ...factsOf(reading) }, findings }
    } finally {
      await session.close()
    }
  } catch (error) {
    context.signal.throwIfAborted()
    return { ...base, reachable: false, facts: {}, findings: [unreachable(error)] }
  }
}

/** SQLSTATE classes 28 and 3D: the role, its password, the database. */
function unreachable(error: unknown): Finding {
  const { code } = Object(error) as { readonly code?: unknown }
  const state = typeof code === 'string' ? code : ''
  if (error instanceof CommandFailure)
    return {
      severity: 'failure',
      code: 'package-missing',
      message: error.message,
      ...(error.hint && { advice: error.hint }),
    }
  if (state.startsWith('28')) {
    const advice = 'Check the role and its password in the URL, and pg_hba.conf'
    return { severity: 'failure', code: 'authentication', message: messageOf(error), advice }
  }
  const advice = 'Check that the server runs, its address, the name of the database, and the network between'
  return { severity: 'failure', code: 'unreachable', message: messageOf(error), advice }
}

function needsOf(tier: ConfiguredTier, url: string, { configuration }: ExaminationContext): PostgresNeeds {
  const { options } = tier
  const isFirstShared = !tiersOf(configuration).some(({ type }) => type === 'redis')
  const guard = configuration.guards?.[tier.name]?.['tierTimeout'] ?? configuration.tierTimeout
  return {
    options,
    schema: textOption(options, 'schema', 'tierwise'),
    listens: isFirstShared && options['bus'] !== false,
    tierTimeoutMs: millisecondsOf(guard) ?? 250,
    isLoopback: /^(localhost|127\.|\[?::1|$)/.test(URL.canParse(url) ? new URL(url).hostname : ''),
  }
}

function factsOf({ latency, clock, server, tables: [entries] }: PostgresReading): Facts {
  const table =
    entries?.exists === true
      ? `about ${Math.round(entries.estimatedRows)} rows, ${sizeText(entries.bytes)}, ${entries.isLogged ? 'logged' : 'unlogged'}`
      : 'absent'
  return {
    version: server.version,
    latency: `${durationText(latency.p50)} (at most ${durationText(latency.max)})`,
    clock: clockText(clock.offsetMs, clock.errorMs),
    role: server.role,
    table,
    connections: `${server.connections} of ${server.maxConnections}`,
    encrypted: server.isEncrypted ?? 'unknown',
  }
}

/** A second process that opens the folder of a PGlite damages it, so it is only looked at from outside. */
function examinePglite({ name, type, options }: ConfiguredTier, { cwd, library }: ExaminationContext): TierExamination {
  const dataDir = options['dataDir'] as string | undefined
  const folder = dataDir === undefined ? undefined : resolve(cwd, dataDir)
  const findings: Finding[] = []
  if (!library.has('@electric-sql/pglite'))
    findings.push({
      severity: 'failure',
      code: 'package-missing',
      message: 'Neither a URL nor DATABASE_URL is given, and the package @electric-sql/pglite is not installed',
      advice: 'Give a URL, or npm install @electric-sql/pglite',
    })
  else if (folder === undefined)
    findings.push({
      severity: 'warning',
      code: 'in-process',
      message: 'Neither a URL nor DATABASE_URL is given: PGlite runs in each process, in memory, and nothing is shared',
      advice: 'Set DATABASE_URL, or give a `dataDir` if one process is all there is',
    })
  return {
    tier: name,
    type,
    place: folder ?? 'in each process',
    reachable: undefined,
    facts: {
      engine: 'PGlite',
      ...(folder === undefined ? {} : { folder: existsSync(folder) ? 'exists' : 'will be made' }),
    },
    servers: {},
    findings,
  }
}

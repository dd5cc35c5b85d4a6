import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Config {
  /** Folder of the tiers that this process keeps itself. */
  readonly dataDir: string
  /** May contain a password. Undefined: a chain without Redis. */
  readonly redisUrl: string | undefined
  /** May contain a password. Undefined: PGlite in this process. */
  readonly postgresUrl: string | undefined
  /** Undefined: 8080, or any free port when that is taken. */
  readonly port: number | undefined
  /** Length of the demo. */
  readonly seconds: number
  readonly demo: boolean
  /** End after the demo, with exit code 1 if a client saw an error. */
  readonly check: boolean
}

/** A command line that cannot be understood; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const usage = `Emission factors over HTTP, cached by tierwise in memory, Redis, a folder and PostgreSQL.

  node dist/start.js [options]

It starts the service, sends itself a minute's worth of traffic in fifteen seconds,
takes its source of data away meanwhile, and shows what its clients noticed.
Then it goes on serving until Ctrl-C. Start it twice: the second time the lower tiers are warm.

  --redis URL    uses this Redis                    (REDIS_URL; without one, no Redis)
  --postgres URL uses this PostgreSQL               (DATABASE_URL; without one, PGlite in this process)
  --data DIR     folder of the disk tier and PGlite (.cache/factor-service, beside this example)
  --port N       port on 127.0.0.1                  (8080, or a free one when that is taken)
  --seconds N    length of the demo                 (15)
  --no-demo      only serve, with a ttl of 23 hours
  --check        stop after the demo; exit code 1 if a client saw an error
  --help         this text

Servers may be down: the service starts, says so, and uses them once they are there. A password
belongs into the environment, because other users of the machine can see the command line:

  REDIS_URL=redis://:secret@cache.internal DATABASE_URL=postgres://app:secret@db.internal/app npm start
`

/** Reads the command line and the environment, of which the first wins; undefined when it asks for help. */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv): Config | undefined {
  const { values } = parse(args)
  if (values.help) return undefined
  return {
    // A variable that is set to nothing is not set.
    redisUrl: values.redis ?? (env['REDIS_URL'] || undefined),
    postgresUrl: values.postgres ?? (env['DATABASE_URL'] || undefined),
    dataDir:
      values.data === undefined ? resolve(import.meta.dirname, '../.cache/factor-service') : resolve(values.data),
    port: values.port === undefined ? undefined : numberOf('--port', values.port, { min: 0, max: 65_535 }),
    seconds: numberOf('--seconds', values.seconds, { min: 1, max: 3600 }),
    demo: !values['no-demo'],
    check: values.check,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        redis: { type: 'string' },
        postgres: { type: 'string' },
        data: { type: 'string' },
        port: { type: 'string' },
        seconds: { type: 'string', default: '15' },
        'no-demo': { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function numberOf(option: string, raw: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const value = Number(raw)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`${option} takes a whole number from ${min} to ${max}, not '${raw}'`)
}

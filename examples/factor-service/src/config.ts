import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Config {
  readonly dataDir: string
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

export const usage = `Emission factors over HTTP, cached by tierwise in memory and on disk.

  node dist/start.js [options]

It starts the service, sends itself a minute's worth of traffic in fifteen seconds,
takes its source of data away meanwhile, and shows what its clients noticed.
Then it goes on serving until Ctrl-C. Start it twice: the second time the disk is warm.

  --data DIR     folder of the disk tier            (.cache/factor-service, beside this example)
  --port N       port on 127.0.0.1                  (8080, or a free one when that is taken)
  --seconds N    length of the demo                 (15)
  --no-demo      only serve, with a ttl of 23 hours
  --check        stop after the demo; exit code 1 if a client saw an error
  --help         this text
`

/** Reads the command line; undefined when it asks for help. */
export function readConfig(args: readonly string[]): Config | undefined {
  const { values } = parse(args)
  if (values.help) return undefined
  return {
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

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, loopback } from './ports.ts'
import { findProgram, missingProgram } from './program.ts'
import { ServerFolder } from './server-folder.ts'
import { ServerProcess, ServerStartError } from './server-process.ts'

export interface PrometheusServerOptions {
  /** Addresses to scrape by the name of their job: `{ orders: ['127.0.0.1:9100'] }`. */
  readonly targets: Readonly<Record<string, readonly string[]>>
  /** Rule files, as text. Default: none. */
  readonly rules?: readonly string[]
  /** Milliseconds between two scrapes, and between two evaluations of the rules. Default: 500. */
  readonly intervalMs?: number
}

/** An alert that is pending or firing. */
export interface PrometheusAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

/** One series of the answer to a query. */
export interface PrometheusValue {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A real Prometheus that a test has for itself. */
export interface PrometheusServer {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly pid: number | undefined
  readonly isRunning: boolean
  /** The instant vector of an expression, as of now. Rejects when the expression is wrong. */
  query(expression: string): Promise<readonly PrometheusValue[]>
  /** The alerts that are pending or firing. */
  alerts(): Promise<readonly PrometheusAlert[]>
  /** Ends the server and removes its files. Can be called again. */
  stop(): Promise<void>
  /** Ends the process and keeps the port and the files. Default: `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts the server again at the same port, with what it has stored. */
  restart(): Promise<void>
  /** What the server has logged since its first start. */
  log(): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

const startAttempts = 5

/** Path of the program. @throws ConfigError ERR_CACHE_PEER_MISSING */
export function promtool(): string {
  return programNamed('promtool')
}

/** Starts a Prometheus on a free loopback port, which ends with `stop()` and at the latest with this process. */
export async function startPrometheus(options: PrometheusServerOptions): Promise<PrometheusServer> {
  const folder = await ServerFolder.create({ kind: 'prometheus' })
  try {
    const path = await folder.makeFolder('prometheus')
    await writeConfig(path, options)
    return await startIn(folder, path)
  } catch (error) {
    await folder.remove()
    throw error
  }
}

async function startIn(folder: ServerFolder, path: string): Promise<PrometheusServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new LocalPrometheus(folder, path, await freePort())
    try {
      await server.restart()
      return server
    } catch (error) {
      // Somebody else may have taken the port since it was looked at.
      const isTaken = error instanceof ServerStartError && error.log.includes('address already in use')
      if (!isTaken || attempt === startAttempts) throw error
    }
  }
}

class LocalPrometheus implements PrometheusServer {
  readonly host: string = loopback
  readonly port: number
  readonly url: string
  readonly #folder: ServerFolder
  readonly #process: ServerProcess

  constructor(folder: ServerFolder, path: string, port: number) {
    this.#folder = folder
    this.port = port
    this.url = `http://${loopback}:${port}`
    this.#process = new ServerProcess({
      name: 'prometheus',
      file: programNamed('prometheus'),
      args: [
        '--config.file=prometheus.yml',
        '--storage.tsdb.path=data',
        '--storage.tsdb.retention.time=1h',
        `--web.listen-address=${loopback}:${port}`,
      ],
      folder: path,
      ready: /Server is ready to receive web requests/,
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  async query(expression: string): Promise<readonly PrometheusValue[]> {
    const { result } = (await this.#ask(`query?query=${encodeURIComponent(expression)}`)) as { result: RawValue[] }
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
  }

  async alerts(): Promise<readonly PrometheusAlert[]> {
    const { alerts } = (await this.#ask('alerts')) as { alerts: PrometheusAlert[] }
    return alerts
  }

  async stop(): Promise<void> {
    await this.kill()
    await this.#folder.remove()
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.end(signal)
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.#process.start()
  }

  log(): Promise<string> {
    return this.#process.log()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #ask(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`)
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string }
    if (status !== 'success') throw new Error(`Prometheus refused ${path}: ${error}`)
    return data
  }
}

interface RawValue {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

async function writeConfig(path: string, options: PrometheusServerOptions): Promise<void> {
  const { targets, rules = [], intervalMs = 500 } = options
  const files = rules.map((text, index) => [`rules-${index}.yml`, text] as const)
  await Promise.all(files.map(([name, text]) => writeFile(join(path, name), text)))
  // Prometheus reads YAML, of which JSON is a part.
  const config = {
    global: {
      scrape_interval: `${intervalMs}ms`,
      scrape_timeout: `${intervalMs}ms`,
      evaluation_interval: `${intervalMs}ms`,
    },
    rule_files: files.map(([name]) => name),
    scrape_configs: Object.entries(targets).map(([job, addresses]) => ({
      job_name: job,
      static_configs: [{ targets: addresses }],
    })),
  }
  await writeFile(join(path, 'prometheus.yml'), JSON.stringify(config))
}

function programNamed(name: string): string {
  const found = findProgram([name])
  if (found === undefined) throw missingProgram(name, 'prometheus')
  return found
}

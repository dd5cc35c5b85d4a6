import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import type { FastifyInstance } from 'fastify'

import { readConfig, usage, UsageError } from './config.ts'
import type { Config } from './config.ts'
import { demoRegions, demoRequests, playDemo } from './demo.ts'
import { FactorBroker } from './factor-broker.ts'
import { createFactorCache } from './factor-cache.ts'
import { FactorSource } from './factor-source.ts'
import { Latency } from './latency.ts'
import { createProgress } from './progress.ts'
import { paint, renderReport, whole } from './report.ts'
import { createService } from './routes.ts'

const colour = process.stdout.isTTY && !process.env['NO_COLOR']

/** Runs the service until it is stopped; resolves with the exit code. */
async function run(config: Config, stop: AbortSignal): Promise<number> {
  const source = new FactorSource()
  const broker = new FactorBroker(createCache(config, source), source)
  const latency = new Latency()
  const service = createService(broker, latency)
  try {
    await broker.start()
    const origin = await listen(service, config.port)
    say(paint('bold', `Serving emission factors at ${origin}`, colour))
    const { entries } = await broker.stats()
    say(`Found on disk from the last run: ${whole(entries['disk'] ?? 0)} factors`)

    const errors = config.demo ? await demonstrate(config, { origin, source, latency, stop }) : 0
    if (config.check) return errors === 0 ? 0 : 1
    if (stop.aborted) return 0
    say(tryIt(origin))
    await once(stop, 'abort')
    return 0
  } finally {
    await service.close()
    await broker.close()
  }
}

/** For the demo a day lasts some seconds, and memory holds the popular half, so that every tier has something to do. */
function createCache({ dataDir, demo, seconds }: Config, source: FactorSource): ReturnType<typeof createFactorCache> {
  if (!demo) return createFactorCache({ dataDir })
  const memoryEntries = Math.ceil(demoRegions(source, seconds).length / 2)
  return createFactorCache({ dataDir, memoryEntries, ttl: seconds * 160, retryAfter: '1s' })
}

interface Stage {
  readonly origin: string
  readonly source: FactorSource
  readonly latency: Latency
  readonly stop: AbortSignal
}

/** Plays the demo and prints what it showed; returns the errors seen by clients. */
async function demonstrate({ seconds }: Config, { origin, source, latency, stop }: Stage): Promise<number> {
  say(`Playing ${whole(demoRequests(seconds))} requests in ${seconds} seconds, popular regions first (Zipf):`)
  const progress = createProgress(process.stdout)
  const result = await playDemo({ origin, source, seconds, signal: stop, progress })
  const { opening } = result
  say(`First request for each of ${whole(opening.requests)} regions: ${whole(opening.fromDisk)} answered by disk`)
  say(renderReport({ result, inService: latency.summary(), colour }))
  return result.errors
}

async function listen(service: FastifyInstance, port: number | undefined): Promise<string> {
  const host = '127.0.0.1'
  try {
    await service.listen({ host, port: port ?? 8080 })
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await service.listen({ host, port: 0 })
  }
  return `http://${host}:${(service.server.address() as AddressInfo).port}`
}

function tryIt(origin: string): string {
  return [
    'Still serving. Try',
    `  curl ${origin}/factors/electricity/FRA`,
    `  curl ${origin}/calculate -H 'content-type: application/json' -d '{"kWh":1200,"region":"DEU"}'`,
    `  curl '${origin}/factors/electricity/FRA?ttl=48h'      (longer than the licence allows)`,
    'Ctrl-C stops it.',
  ].join('\n')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<number> {
  const config = readConfig(process.argv.slice(2))
  if (config === undefined) {
    say(usage)
    return 0
  }
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  return run(config, stopping.signal)
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${usage}` : ''}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}

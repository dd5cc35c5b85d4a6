import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { serveDashboard } from '@tierwise/dashboard'
import type { FastifyInstance } from 'fastify'

import { readConfig, usage, UsageError } from './config.ts'
import type { Config } from './config.ts'
import { demoFactors, demoRequests, playDemo } from './demo.ts'
import { FactorBroker } from './factor-broker.ts'
import type { TierReport } from './factor-broker.ts'
import { createFactorCache } from './factor-cache.ts'
import type { FactorCacheOptions } from './factor-cache.ts'
import { FactorSource } from './factor-source.ts'
import { claimFolder } from './folder-claim.ts'
import { Latency } from './latency.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { paint, renderReport, whole } from './report.ts'
import { createService } from './routes.ts'
import { TierOutage } from './tier-outage.ts'
import { watchTiers } from './tier-watch.ts'

const colour = process.stdout.isTTY && !process.env['NO_COLOR']

/** Runs the service until it is stopped; resolves with the exit code. */
async function run(config: Config, stop: AbortSignal): Promise<number> {
  const release = config.postgresUrl === undefined ? claimFolder(config.dataDir) : undefined
  try {
    return await serve(config, stop)
  } finally {
    release?.()
  }
}

async function serve(config: Config, stop: AbortSignal): Promise<number> {
  const source = new FactorSource()
  const redisOutage = config.demo && config.redisUrl !== undefined ? new TierOutage() : undefined
  const manager = createFactorCache(cacheOptions(config, source, redisOutage))
  const progress = createProgress(process.stdout)
  const endWatch = watchTiers(manager, (line) => progress.announce(line))
  const broker = new FactorBroker(manager, source)
  const latency = new Latency()
  const service = createService(broker, latency)
  // Only this machine can reach it, and nothing here is secret: whoever has the address may see values and clear them.
  const dashboard = await serveDashboard(manager, { allowWrites: true, showValues: true })
  try {
    await open(broker, config)
    const origin = await listen(service, config.port)
    say(paint('bold', `Serving emission factors at ${origin}`, colour))
    say(`Watch the cache at ${dashboard.url}`)

    const stage = { origin, source, redisOutage, broker, latency, progress, stop }
    const errors = config.demo ? await demonstrate(config, stage) : 0
    if (config.check) return errors === 0 ? 0 : 1
    if (stop.aborted) return 0
    say(tryIt(origin))
    await once(stop, 'abort')
    return 0
  } finally {
    endWatch()
    await dashboard.stop()
    await service.close()
    await broker.close()
  }
}

/** For the demo a day lasts some seconds, and memory holds the popular half, so that every tier has something to do. */
function cacheOptions(config: Config, source: FactorSource, redisOutage: TierOutage | undefined): FactorCacheOptions {
  const { dataDir, redisUrl, postgresUrl, demo, seconds } = config
  const place = { dataDir, redisUrl, postgres: postgresUrl === undefined ? undefined : { url: postgresUrl } }
  if (!demo) return place
  const factors = demoFactors(source, seconds)
  const marginal = factors.filter(({ method }) => method === 'marginal').length
  return {
    ...place,
    memoryEntries: { average: Math.ceil((factors.length - marginal) / 2), marginal: Math.ceil(marginal / 2) },
    ttl: seconds * 160,
    retryAfter: '1s',
    ...(redisOutage === undefined ? {} : { wrapRedis: (tier) => redisOutage.wrap(tier) }),
  }
}

/** Opens the tiers before the service listens: nothing else runs in this process while PGlite starts. */
async function open(broker: FactorBroker, { dataDir, postgresUrl }: Config): Promise<void> {
  if (postgresUrl === undefined) {
    const isFirst = !existsSync(join(dataDir, 'postgres'))
    say(`Starting PostgreSQL in this process (PGlite)${isFirst ? '; the first time it makes a database' : ''} ...`)
  }
  const startedAt = performance.now()
  await broker.start()
  const { tiers } = await broker.stats()
  say(
    `Opened the tiers in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Found from the last run: ${held(tiers)}`,
  )
}

function held(tiers: readonly TierReport[]): string {
  const found = tiers.filter(({ name }) => name !== 'memory')
  return found.map(({ name, entries }) => `${entries === undefined ? 'unknown' : whole(entries)} in ${name}`).join(', ')
}

interface Stage {
  readonly origin: string
  readonly source: FactorSource
  readonly redisOutage: TierOutage | undefined
  readonly broker: FactorBroker
  readonly latency: Latency
  readonly progress: Progress
  readonly stop: AbortSignal
}

/** Plays the demo and prints what it showed; returns the errors seen by clients. */
async function demonstrate({ seconds }: Config, stage: Stage): Promise<number> {
  const { broker, latency, stop } = stage
  say(`Playing ${whole(demoRequests(seconds))} requests in ${seconds} seconds, popular regions first (Zipf):`)
  const result = await playDemo({ ...stage, seconds, signal: stop })
  const { requests, byTier } = result.opening
  const shares = [...byTier].map(([tier, count]) => `${whole(count)} by ${tier}`)
  say(`First request for each of ${whole(requests)} factors, answered: ${shares.join(', ')}`)
  const { tiers } = await broker.stats()
  say(renderReport({ result, inService: latency.summary(), tiers, colour }))
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
    `  curl ${origin}/health`,
    'Ctrl-C stops it.',
  ].join('\n')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main(): Promise<number> {
  const config = readConfig(process.argv.slice(2), process.env)
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

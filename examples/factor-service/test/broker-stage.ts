import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PGlite } from '@electric-sql/pglite'
import type { CacheManager } from 'tierwise'
import { afterAll } from 'vitest'

import { FactorBroker } from '../src/factor-broker.ts'
import { createFactorCache } from '../src/factor-cache.ts'
import type { FactorCacheOptions } from '../src/factor-cache.ts'
import { FactorSource } from '../src/factor-source.ts'

/** One database for all tests of a file, because making it takes seconds; each stage has a schema of its own. */
let database: PGlite | undefined
let stages = 0
afterAll(async () => database?.close())

/** A broker on a folder of its own, with a quick source and a clock that the test moves. */
export interface Stage extends AsyncDisposable {
  readonly broker: FactorBroker
  readonly source: FactorSource
  readonly manager: CacheManager
  /** What its cache was made of. */
  readonly place: FactorCacheOptions
  /** Lets time pass for the cache; its timers stay real. */
  advance(ms: number): void
  /** Another broker over the same folder, after the first has gone. */
  restart(): Promise<void>
}

export async function openStage(options: Omit<FactorCacheOptions, 'dataDir'> = {}): Promise<Stage> {
  database ??= await PGlite.create()
  const postgres = { pglite: database, schema: `stage_${++stages}` }
  const dataDir = await mkdtemp(join(tmpdir(), 'factor-service-'))
  let now = Date.now()
  const place = { postgres, ...options, dataDir }
  const clock = { now: () => now, burstNow: () => now }
  const source = new FactorSource({ latencyMs: [0, 1], now: clock.now })
  const open = async (): Promise<{ manager: CacheManager; broker: FactorBroker }> => {
    const manager = createFactorCache({ ...place, runtime: { clock } })
    const broker = new FactorBroker(manager, source, clock.now)
    await broker.start()
    return { manager, broker }
  }
  let current = await open()
  return {
    source,
    place,
    get broker() {
      return current.broker
    },
    get manager() {
      return current.manager
    },
    advance(ms) {
      now += ms
    },
    async restart() {
      await current.broker.close()
      current = await open()
    },
    async [Symbol.asyncDispose]() {
      source.switchTo('normal')
      await current.broker.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { CacheManager } from 'tierwise'

import { FactorBroker } from '../src/factor-broker.ts'
import { createFactorCache } from '../src/factor-cache.ts'
import type { FactorCacheOptions } from '../src/factor-cache.ts'
import { FactorSource } from '../src/factor-source.ts'

/** A broker on a folder of its own, with a quick source and a clock that the test moves. */
export interface Stage extends AsyncDisposable {
  readonly broker: FactorBroker
  readonly source: FactorSource
  readonly manager: CacheManager
  /** Lets time pass for the cache; its timers stay real. */
  advance(ms: number): void
  /** Another broker over the same folder, after the first has gone. */
  restart(): Promise<void>
}

export async function openStage(options: Omit<FactorCacheOptions, 'dataDir'> = {}): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'factor-service-'))
  let now = Date.now()
  const clock = { now: () => now, burstNow: () => now }
  const source = new FactorSource({ latencyMs: [0, 1], now: clock.now })
  const open = async (): Promise<{ manager: CacheManager; broker: FactorBroker }> => {
    const manager = createFactorCache({ ...options, dataDir, runtime: { clock } })
    const broker = new FactorBroker(manager, source, clock.now)
    await broker.start()
    return { manager, broker }
  }
  let current = await open()
  return {
    source,
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

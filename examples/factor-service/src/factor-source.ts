import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

import { averageIntensity, marginalIntensity } from '@tgwf/co2/data'
import { seededRandom } from 'tierwise/testing'

import { regionCode, unit } from './factor-key.ts'
import type { Activity, FactorRequest, Method } from './factor-key.ts'

/** An emission factor and where it comes from. */
export interface Factor {
  readonly activity: Activity
  readonly region: string
  readonly method: Method
  readonly value: number
  readonly unit: string
  readonly source: SourceName
  readonly year: number | 'latest'
  /** Epoch milliseconds at which the source gave it. */
  readonly retrievedAt: number
}

/** Ember's yearly averages; the marginal factors of UNFCCC as published by the Green Web Foundation. */
export type SourceName = 'ember' | 'unfccc'

/** `stalled` takes every read and answers none, the way a lost connection does. `failing` refuses each one. */
export type SourceMode = 'normal' | 'stalled' | 'failing'

export interface FactorSourceOptions {
  /** @default [100, 500] */
  readonly latencyMs?: readonly [min: number, max: number]
  readonly seed?: number
  readonly now?: () => number
}

interface Dataset {
  readonly source: SourceName
  readonly year: number | 'latest'
  readonly values: ReadonlyMap<string, number>
}

const datasets: Readonly<Record<Method, Dataset>> = {
  average: { source: 'ember', year: 'latest', values: byRegion(averageIntensity.data) },
  marginal: { source: 'unfccc', year: Number(marginalIntensity.year), values: byRegion(marginalIntensity.data) },
}

/**
 * The source of record: real emission factors of electricity behind the latency of a remote database, which is simulated
 * so that the service runs anywhere and its outages can be staged.
 */
export class FactorSource {
  readonly #latencyMs: readonly [number, number]
  readonly #random: () => number
  readonly #now: () => number
  readonly #switched = new EventEmitter().setMaxListeners(0)
  #mode: SourceMode = 'normal'
  #reads = 0

  constructor(options: FactorSourceOptions = {}) {
    this.#latencyMs = options.latencyMs ?? [100, 500]
    this.#random = seededRandom(options.seed ?? 1)
    this.#now = options.now ?? Date.now
  }

  get mode(): SourceMode {
    return this.#mode
  }

  /** Reads asked for so far, answered or not. */
  get reads(): number {
    return this.#reads
  }

  /** Reads that are waiting follow the new mode. */
  switchTo(mode: SourceMode): void {
    this.#mode = mode
    this.#switched.emit('mode')
  }

  regions(method: Method): readonly string[] {
    return [...datasets[method].values.keys()]
  }

  /** The factor, or null when the source has none. Rejects when it is down, or with the reason of the signal. */
  async read(request: FactorRequest, signal: AbortSignal): Promise<Factor | null> {
    this.#reads++
    const [min, max] = this.#latencyMs
    await sleep(min + this.#random() * (max - min), undefined, { signal })
    while (this.#mode === 'stalled') await once(this.#switched, 'mode', { signal })
    if (this.#mode === 'failing') throw new Error('The factor database refused the connection')
    return this.#find(request)
  }

  #find({ activity, region, method = 'average', year }: FactorRequest): Factor | null {
    const dataset = datasets[method]
    const code = regionCode(region)
    const value = dataset.values.get(code)
    if (value === undefined || (year !== undefined && year !== dataset.year)) return null
    const { source, year: published } = dataset
    return { activity, region: code, method, value, unit, source, year: published, retrievedAt: this.#now() }
  }
}

function byRegion(data: Readonly<Record<string, number | string>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(data).map(([region, value]) => [regionCode(region), Number(value)]))
}

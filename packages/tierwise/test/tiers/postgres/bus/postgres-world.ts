import pg from 'pg'

import type { PostgresConnectionOptions } from '../../../../src/clients/postgres/connection-options.ts'
import type { BusChange } from '../../../../src/contract/bus.ts'
import type { Runtime } from '../../../../src/contract/runtime.ts'
import type { Tier } from '../../../../src/contract/tier.ts'
import type { BusInstance, BusWorld, WantedChange } from '../../../../src/testing/bus-conformance.ts'
import { postgres } from '../../../../src/tiers/postgres/index.ts'
import { hurried } from '../../../hurried-timers.ts'
import { record } from '../opened-tier.ts'

/** Barriers wait for so long after a start. */
export const maxStalenessMs = 1500

let version = 1
let schemas = 0

/** Tiers on one table of a fresh schema. */
export class PostgresWorld implements BusWorld {
  readonly #connect: () => PostgresConnectionOptions
  readonly #schema = `bus ${schemas++}`
  readonly #tiers: Tier[] = []
  readonly #looking: pg.Pool | undefined

  constructor(options: {
    connect: () => PostgresConnectionOptions
    /** Where connections that are left can be seen. */
    url?: string
  }) {
    this.#connect = options.connect
    this.#looking = options.url === undefined ? undefined : new pg.Pool({ connectionString: options.url })
  }

  async join(runtime: Runtime): Promise<BusInstance & { readonly tier: Tier }> {
    const tier = await this.open(runtime)
    const { bus } = tier
    if (bus === undefined) throw new Error('the tier has no bus')
    return { bus, tier, change: (wanted) => change(tier, wanted) }
  }

  async open(runtime: Runtime, prefix = 'tw', bus = true): Promise<Tier> {
    const { clock, random } = runtime
    const timers = hurried(runtime.timers)
    const context = { name: 'postgres', prefix, maxStalenessMs, report: () => undefined, clock, timers, random }
    const tier = postgres({ ...this.#connect(), schema: this.#schema, bus }).create(context)
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    this.#tiers.push(tier)
    return tier
  }

  async close(): Promise<void> {
    for (const tier of this.#tiers) await tier.close()
    await this.#looking?.end()
  }

  async leftovers(): Promise<readonly string[]> {
    const left = await this.#looking?.query(
      `select query from pg_stat_activity where query ilike 'listen%' and datname = current_database()`,
    )
    return left?.rows.map((row: { query: string }) => row.query) ?? []
  }
}

async function change(tier: Tier, wanted: readonly WantedChange[]): Promise<readonly BusChange[]> {
  const made: BusChange[] = []
  const sets = wanted.flatMap((each) => (each.operation === 'set' ? [record(each.key, version++)] : []))
  const deletions = wanted.flatMap((each) => (each.operation === 'delete' ? [each.key] : []))
  if (sets.length > 0) {
    await tier.set(sets)
    made.push(...sets.map(({ key, version: given }) => keyChange('set', key, given)))
  }
  if (deletions.length > 0) {
    const given = version++
    await tier.delete(deletions, given)
    made.push(...deletions.map((key) => keyChange('delete', key, given)))
  }
  for (const each of wanted) {
    if (each.operation !== 'tags') continue
    const clock = (await tier.tags?.invalidate(each.names, 0)) ?? 0
    made.push({ kind: 'tags', names: each.names, clock })
  }
  return made
}

function keyChange(operation: 'set' | 'delete', key: string, given: number): BusChange {
  return { kind: 'key', operation, key, version: given }
}

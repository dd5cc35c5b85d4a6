import { systemRuntime } from '../../../src/base/runtime.ts'
import { connectionSettings, type PostgresConnectionOptions } from '../../../src/clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../src/clients/postgres/create-port.ts'
import type { TierEvent } from '../../../src/contract/events.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { Tier, TierContext, TierRecord } from '../../../src/contract/tier.ts'
import { postgres, type PostgresOptions } from '../../../src/tiers/postgres/index.ts'
import { PostgresTier } from '../../../src/tiers/postgres/postgres-tier.ts'
import type { KeyHash } from '../../../src/tiers/postgres/stored-key.ts'
import { tablesOf } from '../../../src/tiers/postgres/tables.ts'

export interface CreatedTier {
  readonly tier: Tier
  readonly events: TierEvent[]
}

/** A tier that has not been opened, with what it reports. */
export function createdTier(options: PostgresOptions, runtime: Runtime = systemRuntime()): CreatedTier {
  const { context, events } = contextOf(runtime)
  const tier = postgres(options).create(context)
  if (tier.sync) throw new Error('a byte tier was expected')
  return { tier, events }
}

export async function openedTier(options: PostgresOptions, runtime?: Runtime): Promise<CreatedTier> {
  const created = createdTier(options, runtime)
  await created.tier.open()
  return created
}

/** A tier whose keys have the hashes that the test wants. */
export async function tierWithHash(
  connection: PostgresConnectionOptions,
  { schema, hashOf }: { readonly schema: string; readonly hashOf: KeyHash },
): Promise<Tier> {
  const settings = connectionSettings(connection, 'postgres')
  const { context } = contextOf(systemRuntime())
  const tier = new PostgresTier(
    {
      tables: tablesOf(schema, 'entries'),
      logged: false,
      migrate: true,
      maxBytes: 1e9,
      sweepMs: 60_000,
      isShared: true,
      isDurable: true,
      announces: false,
      statementsAtOnce: 4,
      hashOf,
      connect: (given) => createPostgresPort(settings, given),
    },
    context,
  )
  await tier.open()
  return tier
}

function contextOf({ clock, timers, random }: Runtime): {
  readonly context: TierContext
  readonly events: TierEvent[]
} {
  const events: TierEvent[] = []
  const report = (event: TierEvent): void => void events.push(event)
  return { context: { name: 'postgres', prefix: 'tw', clock, timers, random, report }, events }
}

export function record(key: string, version: number, fields: Partial<TierRecord> & { text?: string } = {}): TierRecord {
  const { text = `text of ${key}`, ...rest } = fields
  return { key, version, bytes: Buffer.from(text), expiresAt: Infinity, ...rest }
}

export async function readTexts(tier: Tier, keys: readonly string[]): Promise<readonly (string | undefined)[]> {
  return tier.get(keys, (bytes) => Buffer.from(bytes).toString())
}

export async function readText(tier: Tier, key: string): Promise<string | undefined> {
  return (await readTexts(tier, [key]))[0]
}

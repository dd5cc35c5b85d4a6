import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import type { RedisPorts } from '../../../src/clients/redis/port.ts'
import type { TierEvent } from '../../../src/contract/events.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { TierRecord } from '../../../src/contract/tier.ts'
import { systemRuntime } from '../../../src/base/runtime.ts'
import { RedisTier, type RedisTierSettings } from '../../../src/tiers/redis/redis-tier.ts'

export interface CreatedTier {
  readonly tier: FleetTier
  readonly events: TierEvent[]
}

/** A tier that all instances share. */
export type FleetTier = RedisTier &
  Required<Pick<RedisTier, 'authority' | 'bus'>> & {
    readonly authority: NonNullable<RedisTier['authority']>
    readonly bus: NonNullable<RedisTier['bus']>
  }

export type TierParts = Pick<RedisTierSettings, 'ports'> & Partial<RedisTierSettings> & { readonly runtime?: Runtime }

/** A tier that has not been opened, with what it reports. */
export function createdTier({ runtime = systemRuntime(), ...settings }: TierParts): CreatedTier {
  const events: TierEvent[] = []
  const { clock, timers, random } = runtime
  const tier = new RedisTier(
    {
      target: 'the test server',
      connectTimeoutMs: 5000,
      lanes: 64,
      tombstoneTtlMs: 300_000,
      tracking: false,
      scope: 'fleet',
      maxReplicaLagMs: 5000,
      ...settings,
    },
    { name: 'redis', prefix: 'tw', clock, timers, random, report: (event) => void events.push(event) },
  )
  return { tier: tier as FleetTier, events }
}

export async function openedTier(parts: TierParts): Promise<CreatedTier> {
  const created = createdTier(parts)
  await created.tier.open()
  return created
}

export function textRecord(
  key: string,
  version: number,
  fields: Partial<TierRecord> & { text?: string } = {},
): TierRecord {
  const { text = `text of ${key}`, ...rest } = fields
  return { key, version, expiresAt: Infinity, bytes: Buffer.from(text), ...rest }
}

export async function readTexts(tier: RedisTier, keys: readonly string[]): Promise<readonly (string | undefined)[]> {
  return tier.get(keys, (bytes) => Buffer.from(bytes).toString())
}

export async function scannedTexts(tier: RedisTier, prefix: string): Promise<string[]> {
  const texts: string[] = []
  for await (const text of tier.scan(prefix, (bytes) => Buffer.from(bytes).toString())) texts.push(text)
  return texts.toSorted()
}

export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** `count` distinct keys under a prefix. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

/** Heartbeats go by the clock of the tests, which may jump while the server has no time to answer. */
export function portsTo({ port }: { readonly port: number }): RedisPorts {
  return createRedisPorts({ client: 'ioredis', host: '127.0.0.1', port, heartbeat: false })
}

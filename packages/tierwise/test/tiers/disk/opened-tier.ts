import type { TierEvent } from '../../../src/contract/events.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { Tier, TierOpening, TierRecord } from '../../../src/contract/tier.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { disk, type DiskOptions } from '../../../src/tiers/disk/index.ts'

export interface OpenedTier {
  readonly tier: Tier
  readonly opening: TierOpening
  readonly events: TierEvent[]
}

/** A disk tier that has not been opened, with what it reports. */
export function createdTier(options: DiskOptions, runtime: Runtime = fakeRuntime()): Omit<OpenedTier, 'opening'> {
  const events: TierEvent[] = []
  const { clock, timers, random } = runtime
  const tier = disk(options).create({
    name: 'disk',
    prefix: 'tw',
    clock,
    timers,
    random,
    report: (event) => void events.push(event),
  })
  if (tier.sync) throw new Error('a byte tier was expected')
  return { tier, events }
}

export async function openedTier(options: DiskOptions, runtime?: Runtime): Promise<OpenedTier> {
  const { tier, events } = createdTier(options, runtime)
  return { tier, events, opening: await tier.open() }
}

/** A record whose frame is `text` behind four bytes like those of a real frame: the fourth holds the flags. */
export function textRecord(key: string, version: number, text: string = `text of ${key}`): TierRecord {
  return { key, version, expiresAt: Infinity, bytes: Buffer.concat([Buffer.of(1, 2, 3, 0), Buffer.from(text)]) }
}

export interface SeenText {
  readonly text: string
  readonly isSoftExpired: boolean
}

export function seenText(bytes: Uint8Array): SeenText {
  const frame = Buffer.from(bytes)
  return { text: frame.subarray(4).toString(), isSoftExpired: (frame[3] ?? 0) === 1 }
}

export async function readText(tier: Tier, key: string): Promise<string | undefined> {
  const [text] = await tier.get([key], (bytes) => seenText(bytes).text)
  return text
}

export async function scannedTexts(tier: Tier, prefix: string): Promise<string[]> {
  const texts: string[] = []
  for await (const { text } of tier.scan(prefix, seenText)) texts.push(text)
  return texts.toSorted()
}

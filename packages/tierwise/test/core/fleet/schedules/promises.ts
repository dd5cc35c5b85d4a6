/**
 * The schedules that the protocol was designed against, each forced with pauses of single calls, and the promises that
 * have to hold in each. Time stands still unless a test moves it, so a schedule repeats exactly.
 *
 * Here all of them run on the shared store in this process, which is the contract of authority and bus in its plainest
 * form. `test/fleet/real-schedules` runs all of them, none left out, on a real Redis. What stands in for something there:
 *
 * | on the real Redis | how |
 * |---|---|
 * | its clock, which cannot be set | each script is given the time of the test, and so is who asks for `TIME`; what ends by PX does not end in a test |
 * | a network that is cut and mended | a proxy for each instance resets and refuses its connections |
 * | messages lost, late, twice, out of order | between the connection that listens and the bus |
 * | a server that forgets: `evict`, `flush`, `forgetLane`, `snapshot`, `restore` | commands of another client on the real keys |
 * | a log of a few changes | it is trimmed before it is read |
 * | several lanes | one server that stands for a cluster: the names, scripts and sharded channels of one |
 *
 * Those whose cause is a server, a network or a disk are tried with that cause too:
 *
 * | schedule | here | with its cause |
 * |---|---|---|
 * | 10 half-open socket | messages dropped, polls without an answer | test/tiers/redis/bus/single-server |
 * | 11 output buffer killed under a burst | messages dropped, connection cut and mended | test/tiers/redis/bus/single-server |
 * | 12 reconnect within and after the log | log of a few changes | test/tiers/redis/bus/lane, single-server |
 * | 19 crash with something owed | none: it takes a disk | test/core/fleet/restart |
 * | 21, 22 restart, failover, snapshot | `flush`, `restore` | test/tiers/redis/bus/sentinel, recent-changes |
 * | 23 slots move, script unknown | calls lost before and after their work | test/tiers/redis/bus/cluster, authority/cluster |
 * | 25 crash of a disk | a durable local tier that is opened again | test/tiers/disk |
 * | 26 foreign `SET` | `removeForeign`: the store has no other | test/tiers/redis/foreign |
 * | 28 crash in a guarded write | connection cut at each step | test/tiers/redis/authority/changes |
 * | 30 two wire formats | two codecs in one fleet | test/golden, test/tiers/redis/bus/message |
 */
import { expect } from 'vitest'

import { createEnvelope, loadValueCodec } from '../../../../src/codecs/index.ts'
import type { Entry } from '../../../../src/contract/entry.ts'
import type { TierDefinition } from '../../../../src/contract/tier.ts'
import { atOnce, type Fleet, type Member } from '../fleet.ts'

/** The storage key of `k` in the namespace of the fleets. */
export const storageKey = (key: string = 'k'): string => `tw:1:factors:${key}`

/** What a tier that outlives its processes holds for a key, fresh or stale. */
export async function heldIn({ runtime }: Fleet, definition: TierDefinition, key: string): Promise<Entry | undefined> {
  const tier = definition.create({ ...runtime, name: definition.name, prefix: 'tw', report: () => {} })
  if (tier.sync) throw new Error('Memory is of one process')
  await tier.open()
  const [msgpack, json] = await Promise.all([loadValueCodec('msgpack'), loadValueCodec('json')])
  const envelope = createEnvelope({ codec: msgpack, readers: [msgpack, json] })
  const name = storageKey(key)
  const [held] = await atOnce(tier.get([name], (bytes, _, version) => envelope.decode(bytes, name, version)))
  await tier.close()
  return held
}

export interface Places {
  /** Members that have applied the change. @default all */
  readonly members?: readonly Member[]
  /** Shared tiers below the store. @default none */
  readonly below?: readonly TierDefinition[]
}

/**
 * No resurrection: nothing older than `floor` is held, fresh or stale, in the store, in the tiers below or in the memory
 * of the members.
 */
export async function expectNothingOlder(
  fleet: Fleet,
  floor: number,
  { members = fleet.members, below = [] }: Places = {},
): Promise<void> {
  const seen: Record<string, unknown> = {}
  for (const tier of [fleet.store.tier(), ...below]) seen[tier.name] = (await heldIn(fleet, tier, 'k'))?.value
  for (const [at, { cache }] of members.entries())
    seen[`memory ${at}`] = (await atOnce(cache.getEntry('k', { tiers: ['memory'] })))?.value
  const older = Object.entries(seen).filter(([, value]) => typeof value === 'number' && value < floor)
  expect(older, `nothing older than ${floor}`).toEqual([])
}

/** Every member answers, at once, what is current. */
export async function expectAll(
  fleet: Fleet,
  value: number | undefined,
  members: readonly Member[] = fleet.members,
): Promise<void> {
  const values = []
  for (const { cache } of members) values.push(await atOnce(cache.get('k')))
  expect(values).toEqual(members.map(() => value))
}

/** Everything that this long takes in the fleet's time is over. */
export const maxStalenessMs = 5000

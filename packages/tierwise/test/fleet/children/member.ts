/** One process of a fleet. Its argument is its settings; it works until it is told to rest, and is ended from outside. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import {
  isGraced,
  type How,
  type MemberCalls,
  type MemberCounts,
  type MemberHealth,
  type MemberSettings,
  type SourceCalls,
} from '../calls.ts'
import { monotonicMs } from '../monotonic.ts'
import { Wire, type Handlers } from '../wire.ts'
import { memberManager } from './member-manager.ts'
import { Observations } from './observations.ts'
import { Reads } from './reads.ts'
import { SourceWrites } from './source-writes.ts'

const callers = 6
const tellEveryMs = 100

const settings = JSON.parse(process.argv[2] ?? '') as MemberSettings
const random = seededRandom(settings.seed)
const manager = memberManager(settings)
const operations: Record<string, number> = {}
const failures: Record<string, number> = {}
let isResting = false
let lastTrouble = ''

const handlers: Handlers<MemberCalls> = {
  rest: async () => {
    isResting = true
    await working
    tell()
    return null
  },
  health: async (): Promise<MemberHealth> => {
    await probe()
    const { healthy, bus, tiers } = await manager.health()
    const ago = bus?.confirmedAgoMs
    return {
      isHealthy: healthy,
      intents: tiers.reduce((sum, { intents }) => sum + intents, 0),
      confirmedAt: ago === undefined ? null : monotonicMs() - ago,
      details: JSON.stringify({ tiers, lastTrouble }),
    }
  },
  ring: (key) => observations.ring(key),
  tellAgain: (keys) => writes.tellAgain(keys),
  lookAt: (keys) => Promise.all(keys.map((key) => reads.lookAt(key))),
  counts: (): MemberCounts => {
    const { hitsByTier, rejectedFills, foreignChanges, loads, misses } = manager.analytics().overall
    return { operations, failures, tiers: { ...hitsByTier, loads, misses }, rejectedFills, foreignChanges }
  },
}

const wire = new Wire<SourceCalls>(process, handlers)
const observations = new Observations(settings.keys, (wrong) => void wire.ask('wrong', wrong))
const writes = new SourceWrites({ manager, wire, random, observations, keys: settings.keys, fail })
const reads = new Reads({ wire, random, observations, writes })

manager.on('tier-error', ({ tier, operation, error }) => (lastTrouble = `${tier} ${operation}: ${String(error)}`))
manager.on('tier-notice', ({ notice, detail }) => (lastTrouble = `${notice}: ${detail}`))
manager.on('bus', ({ state }) => observations.noteAll(`bus ${state}`, monotonicMs()))
if (settings.listens)
  manager.on('hit', ({ key, tier, stale }) => observations.hit(Number(key), stale ? `${tier}, stale` : tier))

function fail(what: string, error: unknown): void {
  const { code = 'none', message } = error as { code?: string; message?: string }
  const name = code === 'none' ? `${what}: ${message}` : `${what}: ${code}`
  failures[name] = (failures[name] ?? 0) + 1
}

/** A breaker closes when calls go through, and there may be no others. */
async function probe(): Promise<void> {
  const cache = manager.namespace('probe')
  await cache.get('none')
  await cache.set('none', 0)
  await cache.delete('none')
}

function count(what: string, times = 1): void {
  operations[what] = (operations[what] ?? 0) + times
}

function tell(): void {
  const seen = observations.take()
  if (seen.length > 0) void wire.ask('seen', seen)
}

/** Some keys are asked for far more often than others. */
function anyKey(): number {
  return random.int(2) === 0 ? random.int(settings.keys) : random.int(Math.ceil(settings.keys / 8))
}

function someKeys(): readonly number[] {
  return [...new Set(Array.from({ length: 2 + random.int(12) }, anyKey))]
}

const hows: readonly How[] = [
  ...(['set', 'set', 'set', 'invalidate', 'invalidate', 'invalidate', 'delete', 'delete'] as const),
  ...(['mutate', 'mutate', 'expire', 'setMany', 'barrier', 'tags', 'pattern'] as const),
]

async function change(): Promise<void> {
  const key = anyKey()
  const drawn = random.int(150) === 0 ? 'clear' : random.pick(hows)
  // Where there is no grace, nothing is to be kept as a fallback.
  const how = drawn === 'expire' && !isGraced(key) ? 'invalidate' : drawn
  count(how)
  await writes.make(how, key)
}

/** Most of what a cache is asked for is in memory. */
async function burst(length: number): Promise<void> {
  for (let step = 0; step < length; step++) {
    const key = anyKey()
    count('peek', reads.peek(key, random.int(16)))
    if (await reads.get(key)) continue
    count('getOrSet')
    await reads.load(key)
  }
  count('get', length)
}

async function one(): Promise<void> {
  const draw = random.int(100)
  if (draw < 25) return change()
  if (draw < 50) return burst(1 + random.int(1000))
  if (draw < 75) {
    count('getOrSet')
    return reads.load(anyKey(), random.int(20) === 0 ? { forceFresh: true } : {})
  }
  if (draw < 83) {
    count('getMany')
    return reads.getMany(someKeys())
  }
  if (draw < 90) {
    count('getOrSetMany')
    return reads.loadMany(someKeys())
  }
  if (draw < 96) {
    count('get after')
    return reads.getAfter(anyKey())
  }
  count('touch')
  const key = anyKey()
  await writes.cacheOf(key).touch(String(key))
}

async function call(): Promise<void> {
  while (!isResting) {
    await one().catch((error: unknown) => fail('call', error))
    // The other callers, the bus and the other processes have their turn.
    await sleep(random.int(8))
  }
}

const telling = setInterval(tell, tellEveryMs)
telling.unref()
const working = Promise.all(Array.from({ length: callers }, call))
process.on('disconnect', () => process.exit())

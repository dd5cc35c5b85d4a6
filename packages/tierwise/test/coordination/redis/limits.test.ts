import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../../src/base/runtime.ts'
import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import type { CoordinationStore, LimitRule } from '../../../src/contract/coordination.ts'
import { coordinationOver } from '../../../src/coordination/redis/redis-coordination.ts'
import { giveBack, judge, peek, type LimitState } from '../../../src/coordination/limit-rules.ts'
import { seededRandom, type SeededRandom } from '../../../src/testing/seeded-random.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { ServerTime } from '../../fleet/real-schedules/server-clock.ts'
import { limitReference } from '../limit-reference.ts'
import { timedPort } from './timed-port.ts'

const seed = Number(process.env['SEED'] ?? 20_261_122)
const hourMs = 3_600_000
/** So far ahead of the server that it ends nothing by itself: what has ended is for the scripts to see. */
const start = Date.UTC(2200, 0, 1)

let server: RedisServer
let port: RedisPort
let store: CoordinationStore
let now = start
beforeAll(async () => {
  server = await startRedis()
  port = createRedisPorts({ client: 'ioredis', url: server.url }).primary
  const timedOne = timedPort(port, new ServerTime(() => now))
  store = coordinationOver({ name: 'redis', prefix: 'tw', durable: false, port: timedOne, runtime: systemRuntime() })
})
afterAll(async () => {
  await store.close()
  await server.stop()
})

function ruleOf(random: SeededRandom, kind: LimitRule['kind']): LimitRule {
  const most = random.pick([3, 12, 1000, 1_000_000])
  const count = (): number => 1 + random.int(most)
  const periodMs = random.pick([1, 7, 60, 1000, hourMs])
  return kind === 'bucket' ? { kind, capacity: count(), limit: count(), periodMs } : { kind, limit: count(), periodMs }
}

const kinds = ['bucket', 'fixed-window', 'sliding-window'] as const

describe.each(kinds)('a limit of this kind: %s', (kind) => {
  it('answers random requests, each at its own time, as the rule and as brute force', async () => {
    const random = seededRandom(seed)
    for (let run = 0; run < 30; run++) {
      const rule = ruleOf(random, kind)
      const reference = limitReference(rule)
      const most = rule.kind === 'bucket' ? rule.capacity : rule.limit
      const key = `${kind} ${run}`
      let state: LimitState | undefined
      // Brute force walks over each unit, and knows nothing of what is given back.
      const isPlain = run % 2 === 0 && most <= 1000
      for (let step = 0; step < 40; step++) {
        now += random.pick([
          0,
          0,
          1,
          random.int(rule.periodMs + 2),
          random.int(Math.ceil(rule.periodMs / rule.limit) + 2),
        ])
        const request = { now, cost: 1 + random.int(Math.max(2, Math.ceil(most / 3))) }
        const what = `seed ${seed}, ${key}, step ${step}, ${JSON.stringify({ rule, request })}`
        const peeked = await store.take(key, rule, { cost: request.cost, isPeek: true })
        expect(peeked, what).toEqual(peek(rule, state, request))
        const answer = await store.take(key, rule, { cost: request.cost })
        const outcome = judge(rule, state, request)
        expect(answer, what).toEqual(outcome.answer)
        if (answer.allowed) state = outcome.state
        if (isPlain) expect(reference.ask(now, request.cost), what).toBe(answer.allowed)
        else if (answer.allowed && state !== undefined && random.int(3) === 0) {
          const taken = { units: 1 + random.int(2 * request.cost), at: now }
          now += random.int(3)
          await store.giveBack(key, rule, taken)
          state = giveBack(rule, state, { ...taken, now })
        }
      }
    }
  })

  it('allows no more than the rule when the clock of the server is set back', async () => {
    const rule: LimitRule = { kind, capacity: 10, limit: 10, periodMs: 1000 }
    const key = `${kind} set back`
    let allowed = 0
    let state: LimitState | undefined
    for (let turn = 0; turn < 30; turn++) {
      now += turn % 2 === 0 ? 400 : -400
      const answer = await store.take(key, rule, { cost: 1 })
      const outcome = judge(rule, state, { now, cost: 1 })
      if (outcome.answer.allowed) state = outcome.state
      // The notes of a window stay in order here, so one that was made by a clock that is behind counts for longer.
      if (kind !== 'sliding-window') expect(answer).toEqual(outcome.answer)
      if (answer.allowed) allowed++
    }
    expect(allowed).toBe(10)
    now += 2000
    expect((await store.take(key, rule, { cost: 10 })).allowed).toBe(true)
  })

  it('forgets nothing that was taken before the clock of the server was set back', async () => {
    const rule: LimitRule = { kind, capacity: 10, limit: 10, periodMs: 1000 }
    const key = `${kind} behind`
    expect((await store.take(key, rule, { cost: 9 })).allowed).toBe(true)
    now -= 400
    expect((await store.take(key, rule, { cost: 1 })).allowed).toBe(true)
    now += 1000
    expect((await store.take(key, rule, { cost: 10 })).allowed).toBe(false)
    now += 1000
    expect((await store.take(key, rule, { cost: 10 })).allowed).toBe(true)
  })

  it('costs what it takes away, and not what it remembers', async () => {
    const rule: LimitRule = { kind, capacity: 50_000, limit: 50_000, periodMs: hourMs }
    const key = `${kind} long`
    for (let taken = 0; taken < 10_000; taken += 100) {
      now += 100
      const batch = Array.from({ length: 100 }, () => {
        now++
        return store.take(key, rule, { cost: 1 })
      })
      await Promise.all(batch)
    }
    await server.command('CONFIG', 'RESETSTAT')
    const times = 500
    await Promise.all(Array.from({ length: times }, () => store.take(key, rule, { cost: 1 })))
    const usec = /cmdstat_eval:calls=(\d+),usec=(\d+)/.exec(await server.command('INFO', 'commandstats')) ?? []
    const each = Number(usec[2]) / Number(usec[1])
    console.log(`${kind}: ${each.toFixed(1)} µs in the server with 10 000 notes`)
    // A walk over ten thousand notes takes milliseconds.
    expect(each).toBeLessThan(1500)
  })
})

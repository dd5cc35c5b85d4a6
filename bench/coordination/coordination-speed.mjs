import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import Redlock from 'redlock'
import { createCoordination } from 'tierwise/coordination'
import { redisCoordination } from 'tierwise/coordination/redis'
import { startRedis } from 'tierwise/testing'
import { alternate, quickPace, waitingPace } from '../lib/alternate.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { rawScripts } from './raw-scripts.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('tierwise/coordination').Coordination} Coordination */
/** @typedef {import('./raw-scripts.mjs').ScriptedRedis} ScriptedRedis */
/**
 * Does one call of a job and answers a number that all sides must agree on in sum.
 *
 * @typedef {(id: string, at: number) => Promise<number>} Call
 * @typedef {{ readonly title: string, readonly work: string, readonly sides: Readonly<Record<string, Call>> }} Job
 * @typedef {{ readonly coordination: Coordination, readonly raw: ScriptedRedis }} Sides
 */

const hourMs = 3_600_000
const callers = 64
const pace = { ...waitingPace, warmUpMs: 150, turnMs: 150, rounds: 9 }

/**
 * Each primitive over Redis against the least that a team would write for the same job, and against the libraries of its
 * field where they do the same.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startRedis({ dedicated: true })
  const raw = rawScripts(new Redis(server.url))
  const client = new Redis(server.url)
  const coordination = createCoordination({ store: redisCoordination({ client }), timeout: '5s' })
  try {
    await coordination.start()
    const results = []
    for (const job of jobs({ coordination, raw })) results.push(await compare(job, quick))
    return results
  } finally {
    await coordination.stop()
    await Promise.all([client.quit(), raw.quit()])
    await server.stop()
  }
}

/** @param {Job} job @param {boolean} quick @returns {Promise<Result>} */
async function compare({ title, work, sides }, quick) {
  const calls = quick ? 40 : 640
  const contestants = Object.entries(sides).map(([name, call]) => ({ name, pass: passOf(name, call, calls) }))
  const speeds = await alternate(contestants, quick ? quickPace : pace)
  const claims = Object.keys(sides)
    .slice(1)
    .map((against) => ({ name: 'tierwise', against }))
  return { title, work, rows: speedRows(speeds, { operations: calls, claims, unit: 'Kops/s' }) }
}

/** Every pass has ids of its own, each of which is called ten times in a row. @param {string} name @param {Call} call @param {number} calls */
function passOf(name, call, calls) {
  let passes = 0
  return async () => {
    const run = `${name}-${passes++}`
    let next = 0
    const caller = async () => {
      let sum = 0
      while (next < calls) {
        const at = next++
        sum += await call(`${run}-${Math.floor(at / 10)}`, at)
      }
      return sum
    }
    const sums = await Promise.all(Array.from({ length: callers }, caller))
    return sums.reduce((all, sum) => all + sum, 0)
  }
}

/** @param {Sides} sides @returns {readonly Job[]} */
function jobs(sides) {
  return [
    increments(sides),
    onces(sides),
    takings(sides),
    swaps(sides),
    members(sides),
    records(sides),
    histories(sides),
    watermarks(sides),
    messages(sides),
    claims(sides),
    locks(sides),
    ...limits(sides),
  ]
}

/** @param {Sides} sides @returns {Job} */
function increments({ coordination, raw }) {
  const counter = coordination.counter('hits', { window: '1h' })
  return {
    title: 'counter.increment, in a window of an hour',
    work: `${callers} callers, each awaiting its own call; each id is counted ten times. Raw: a script of INCRBY and PEXPIRE.`,
    sides: {
      tierwise: (id) => counter.increment(id),
      'raw script': async (id) => Number(await raw['rawAdd']?.(`hits:${id}`, 1, hourMs)),
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function onces({ coordination, raw }) {
  const nonces = coordination.register('nonces', { ttl: '1h' })
  return {
    title: 'register.setIfAbsent',
    work: 'Each id is set ten times, of which one is first. Raw: SET with NX and PX, which does not say what was there.',
    sides: {
      tierwise: async (id) => Number(await nonces.setIfAbsent(id, true)),
      'raw SET NX': async (id) => Number((await raw.set(`nonce:${id}`, 'true', 'PX', hourMs, 'NX')) === 'OK'),
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function takings({ coordination, raw }) {
  const codes = coordination.register('codes', { ttl: '1h' })
  return {
    title: 'register: set and getAndDelete',
    work: 'Sets a code and takes it: two steps a call. Raw: SET with PX, GETDEL.',
    sides: {
      tierwise: async (id, at) => {
        await codes.set(`${id}-${at}`, 'code')
        return Number((await codes.getAndDelete(`${id}-${at}`)) === 'code')
      },
      'raw SET and GETDEL': async (id, at) => {
        await raw.set(`code:${id}-${at}`, '"code"', 'PX', hourMs)
        return Number(JSON.parse((await raw.getdel(`code:${id}-${at}`)) ?? 'null') === 'code')
      },
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function swaps({ coordination, raw }) {
  const states = coordination.register('states', { ttl: '1h' })
  return {
    title: 'register: set and compareAndSet',
    work: 'Sets a record and replaces what equals it: two steps a call. Raw: SET with PX, a script that replaces what equals.',
    sides: {
      tierwise: async (id, at) => {
        await states.set(`${id}-${at}`, { state: 'pending' })
        const change = { expected: { state: 'pending' }, value: { state: 'firing' } }
        return Number(await states.compareAndSet(`${id}-${at}`, change))
      },
      'raw SET and script': async (id, at) => {
        const key = `state:${id}-${at}`
        const held = JSON.stringify({ state: 'pending' })
        await raw.set(key, held, 'PX', hourMs)
        return Number(await raw['rawIfEqual']?.(key, held, JSON.stringify({ state: 'firing' }), hourMs))
      },
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function records({ coordination, raw }) {
  const sessions = coordination.hash('sessions')
  return {
    title: 'hash.set, two fields',
    work: 'Sets two fields of a record. Raw: HSET.',
    sides: {
      tierwise: async (id, at) => {
        await sessions.set(id, { user: 'ada', at })
        return 1
      },
      'raw HSET': async (id, at) => {
        await raw.hset(`session:${id}`, { user: '"ada"', at: String(at) })
        return 1
      },
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function histories({ coordination, raw }) {
  const history = coordination.sortedSet('history', { keep: 5 })
  return {
    title: 'sortedSet.add, of which five are kept',
    work: 'Ten members a list. Raw: a script of ZADD and ZREMRANGEBYRANK.',
    sides: {
      tierwise: async (id, at) => {
        await history.add(id, String(at), at)
        return 1
      },
      'raw script': async (id, at) => Number(await raw['rawHistory']?.(`history:${id}`, at, String(at), 5)),
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function watermarks({ coordination, raw }) {
  const marks = coordination.watermark('orders')
  return {
    title: 'watermark.advance',
    work: 'Each id is raised ten times to the same number. Raw: a script of GET and SET.',
    sides: {
      tierwise: async (id) => Number(await marks.advance(id, 7)),
      'raw script': async (id) => Number(await raw['rawRaise']?.(`mark:${id}`, 7)),
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function messages({ coordination, raw }) {
  const channel = coordination.channel('prices')
  return {
    title: 'channel.publish',
    work: 'Publishes a small message that nobody hears. Raw: PUBLISH.',
    sides: {
      tierwise: async (id, at) => {
        await channel.publish(id, { at })
        return 1
      },
      'raw PUBLISH': async (id, at) => {
        await raw.publish(`prices:${id}`, JSON.stringify({ at }))
        return 1
      },
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function members({ coordination, raw }) {
  const set = coordination.memberSet('revoked', { ttl: '1h' })
  return {
    title: 'memberSet.add',
    work: 'Ten members a set. Raw: SADD; its members do not end one by one.',
    sides: {
      tierwise: async (id, at) => Number(await set.add(id, String(at))),
      'raw SADD': (id, at) => raw.sadd(`revoked:${id}`, String(at)),
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function claims({ coordination, raw }) {
  const work = coordination.claims('work', { lease: '1m', keep: '1h' })
  return {
    title: 'claims: claim and commit',
    work: 'Claims an id of its own and commits it: two steps a call. Raw: SET with NX and PX, then a script that replaces what equals.',
    sides: {
      tierwise: async (id, at) => {
        const claim = await work.claim(`${id}-${at}`)
        return claim.kind === 'claimed' ? Number(await claim.commit()) : NaN
      },
      'raw SET NX and script': async (id, at) => {
        const mine = Math.random().toString(36)
        const key = `work:${id}-${at}`
        if ((await raw.set(key, mine, 'PX', 60_000, 'NX')) !== 'OK') return NaN
        return Number(await raw['rawIfEqual']?.(key, mine, 'done', hourMs))
      },
    },
  }
}

/** @param {Sides} sides @returns {Job} */
function locks({ coordination, raw }) {
  const lock = coordination.lock('reports', { ttl: '30s' })
  const redlock = new Redlock([raw], { retryCount: 0 })
  return {
    title: 'lock: acquire and release, nobody waits',
    work: 'Each call takes a lock of its own and gives it up: two steps. tierwise has a fence, a line and renewal; redlock, over one server, none of them; raw: SET with NX and PX, then a script that deletes what equals.',
    sides: {
      tierwise: async (id, at) => Number(await (await lock.tryAcquire(`${id}-${at}`))?.release()),
      'raw SET NX and script': async (id, at) => {
        const mine = Math.random().toString(36)
        const key = `lock:${id}-${at}`
        if ((await raw.set(key, mine, 'PX', 30_000, 'NX')) !== 'OK') return NaN
        return Number(await raw['rawDeleteIfEqual']?.(key, mine))
      },
      redlock: async (id, at) => {
        const held = await redlock.acquire([`redlock:${id}-${at}`], 30_000)
        await held.release()
        return 1
      },
    },
  }
}

/** Five of ten pass. @param {Sides} sides @returns {readonly Job[]} */
function limits({ coordination, raw }) {
  const rule = { limit: 5, period: '1h' }
  const fixed = coordination.rateLimiter('fixed', { ...rule, algorithm: 'fixed-window' })
  const sliding = coordination.rateLimiter('sliding', rule)
  const bucket = coordination.rateLimiter('bucket', { ...rule, algorithm: 'token-bucket' })
  const flexible = new RateLimiterRedis({ storeClient: raw, points: 5, duration: 3600, keyPrefix: 'flexible' })
  return [
    {
      title: 'rateLimiter, fixed window',
      work: 'Five of ten requests of each id pass. Raw: a script of INCR and PEXPIRE. rate-limiter-flexible: RateLimiterRedis.',
      sides: {
        tierwise: async (id) => Number((await fixed.consume(id)).allowed),
        'raw script': async (id) => Number(await raw['rawFixedWindow']?.(`fixed:${id}`, 5, hourMs)),
        'rate-limiter-flexible': (id) =>
          flexible.consume(id).then(
            () => 1,
            () => 0,
          ),
      },
    },
    {
      title: 'rateLimiter, sliding window',
      work: 'The same. Raw: a script over a sorted set, which does not say when there is room.',
      sides: {
        tierwise: async (id) => Number((await sliding.consume(id)).allowed),
        'raw script': async (id, at) => Number(await raw['rawSlidingWindow']?.(`sliding:${id}`, 5, hourMs, String(at))),
      },
    },
    {
      title: 'rateLimiter, token bucket',
      work: 'The same. Raw: a script over a hash, in fractions of tokens.',
      sides: {
        tierwise: async (id) => Number((await bucket.consume(id)).allowed),
        'raw script': async (id) => Number(await raw['rawTokenBucket']?.(`bucket:${id}`, 5, hourMs)),
      },
    },
  ]
}

await runDirectly(import.meta.url, run)

import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { redis } from 'tierwise/redis'
import { startRedis } from 'tierwise/testing'
import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { freshDriver } from '../lib/fresh-driver.mjs'
import { shuffledKeys, valueOf } from '../lib/payload.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('tierwise').NamespaceOptions} NamespaceOptions */
/** @typedef {import('tierwise').TierDefinition} TierDefinition */
/** @typedef {{ readonly name: string, readonly cache: import('tierwise').Cache<any>, readonly stop: () => Promise<void> }} Contestant */

const ttl = 3_600_000

/** @type {NamespaceOptions} */
const rules = {
  ttl,
  maxTtl: '24h',
  minTtl: '1s',
  keyFormat: 'steel-[0-9]+',
  maxKeyLength: 250,
  maxValueBytes: '64kb',
}

/** @type {Readonly<Record<string, NamespaceOptions>>} */
const policies = {
  'rules off': { ...rules, governance: 'off' },
  'rules enforced': rules,
  'key rules enforced': {
    ...rules,
    keyRules: [
      { match: 'glass-*', ttl: '1m' },
      { match: 'steel-*', maxTtl: '12h' },
    ],
  },
}

/** Differences of a few hundredths, in writes that leave garbage behind, need more rounds than factors do. */
const carefulPace = { ...fullPace, rounds: 41, turnMs: 60 }

const governed = ['rules enforced', 'key rules enforced']

/**
 * What rules cost where they are looked at, and where they are not.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startRedis({ dedicated: true })
  try {
    const { host, port } = server
    return [
      await contest({ verb: 'get', chain: () => [memory()], where: 'in memory', atLeast: 0.95, quick }),
      await contest({ verb: 'set', chain: () => [memory()], where: 'in memory', atLeast: 0.95, quick }),
      await contest({
        verb: 'set',
        chain: () => [memory(), redis({ host, port })],
        where: 'in memory and Redis',
        atLeast: 0.95,
        quick,
      }),
    ]
  } finally {
    await server.stop()
  }
}

/**
 * @param {{ verb: 'get' | 'set', chain: () => TierDefinition[], where: string, atLeast: number, quick: boolean }} scenario
 * @returns {Promise<Result>}
 */
async function contest({ verb, chain, where, atLeast, quick }) {
  const isRemote = chain().length > 1
  const keys = shuffledKeys(quick ? 200 : isRemote ? 500 : 10_000)
  const contestants = await open(chain)
  try {
    const speeds = await alternate(
      await Promise.all(contestants.map((each) => (verb === 'get' ? reader(each, keys) : writer(each, keys)))),
      quick ? quickPace : carefulPace,
    )
    const claims = governed.map((name) => ({ name, against: 'rules off', atLeast }))
    const what = verb === 'get' ? 'Awaits a get of' : 'Awaits a set of'
    return {
      title: `${verb} ${where}, with and without rules`,
      work: `${what} each of ${keys.length.toLocaleString('en-US')} keys, ${where}, with a ttl. The rules: bounds of the ttl, a format and a longest length of keys, a largest value.`,
      rows: speedRows(speeds, { operations: keys.length, claims, unit: isRemote ? 'Kops/s' : 'Mops/s' }),
    }
  } finally {
    for (const { stop } of contestants) await stop()
  }
}

/** @param {() => TierDefinition[]} chain @returns {Promise<Contestant[]>} */
function open(chain) {
  return Promise.all(
    Object.entries(policies).map(async ([name, policy]) => {
      const namespace = name.replaceAll(' ', '_')
      const manager = createCacheManager({ tiers: chain(), namespaces: { [namespace]: policy }, tierTimeout: '2s' })
      await manager.start()
      return { name, cache: manager.namespace(namespace), stop: () => manager.stop() }
    }),
  )
}

/** @param {Contestant} contestant @param {readonly string[]} keys */
async function reader({ name, cache }, keys) {
  for (const key of keys) await cache.set(key, valueOf(key, 1))
  const { readInTurn } = await freshDriver(`governance ${name}`)
  return { name, pass: () => readInTurn((key) => /** @type {Promise<any>} */ (cache.get(key)), keys) }
}

/** Each pass writes the other of two generations, so that a write that did nothing shows. @param {Contestant} contestant @param {readonly string[]} keys */
async function writer({ name, cache }, keys) {
  const { writeInTurn } = await freshDriver(`governance ${name}`)
  const generations = [0, 1].map((generation) => keys.map((key) => valueOf(key, generation)))
  let generation = 0
  return {
    name,
    pass: () => writeInTurn((key, value) => cache.set(key, value), keys, generations[(generation ^= 1)] ?? []),
    verify: async () => {
      let right = 0
      for (const key of keys) if (((await cache.get(key)) ?? {}).generation === generation) right++
      return right
    },
  }
}

await runDirectly(import.meta.url, run)

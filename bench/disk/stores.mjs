import { fileDriver } from 'bentocache/drivers/file'
import { open } from 'lmdb'
import { join } from 'node:path'
import { disk } from 'tierwise/disk'
import { createEnvelope, loadValueCodec, systemRuntime } from 'tierwise/testing'
import { valueOf } from '../lib/payload.mjs'

/**
 * What a contestant does with the values of a bench. `getAll` and `setAll` work on several keys in one call where the
 * store has such a call.
 *
 * @typedef {object} DiskStore
 * @property {(key: string) => unknown} [get]
 * @property {(keys: readonly string[]) => unknown} getAll
 * @property {(keys: readonly string[], generation: number) => unknown} setAll
 * @property {() => Promise<void>} close
 */

/** @typedef {{ readonly generation: number }} Value */
/** @typedef {{ readonly version: number, readonly key: string }} Write */

/** The tier with frames of the engine around the values: checked, decoded, compared with the key. @param {string} folder */
export async function tierStore(folder) {
  const tier = disk({ path: join(folder, 'tier') }).create({ name: 'disk', report: () => {}, ...systemRuntime() })
  if (tier.sync) throw new TypeError('The disk tier answers later')
  await tier.open()
  const envelope = createEnvelope({ codec: await loadValueCodec('msgpack') })
  let version = 0
  /** @param {Uint8Array} bytes @param {string} key */
  const decode = (bytes, key) => envelope.decode(bytes, key).value
  return {
    get: async (/** @type {string} */ key) => (await tier.get([key], (bytes) => decode(bytes, key)))[0],
    getAll: (/** @type {readonly string[]} */ keys) =>
      tier.get(keys, (bytes, index) => decode(bytes, keys[index] ?? '')),
    setAll: (/** @type {readonly string[]} */ keys, /** @type {number} */ generation) => {
      version++
      return tier.set(keys.map((key) => recordOf(envelope, { key, version }, valueOf(key, generation))))
    },
    close: () => tier.close(),
  }
}

/** @param {import('tierwise').Envelope} envelope @param {Write} write @param {unknown} value */
function recordOf(envelope, { key, version }, value) {
  const createdAt = Date.now()
  const head = {
    version,
    createdAt,
    freshUntil: createdAt + 3_600_000,
    usableUntil: createdAt + 3_600_000,
    tags: [],
    tagClock: 0,
    loadMs: 0,
    sizeBytes: 0,
  }
  return { key, version, expiresAt: head.usableUntil, bytes: envelope.frame(key, head, envelope.encodeValue(value)) }
}

/** LMDB itself, in its own encoding (msgpack as well), with the flags that the tier uses. @param {string} folder */
export async function lmdbStore(folder) {
  const database = open({
    path: join(folder, 'raw.mdb'),
    noSync: true,
    overlappingSync: false,
    eventTurnBatching: false,
  })
  return {
    get: (/** @type {string} */ key) => database.get(key),
    getAll: (/** @type {readonly string[]} */ keys) => keys.map((key) => database.get(key)),
    setAll: (/** @type {readonly string[]} */ keys, /** @type {number} */ generation) =>
      database.transaction(() => {
        for (const key of keys) void database.put(key, valueOf(key, generation))
      }),
    close: () => database.close(),
  }
}

/** The file driver of BentoCache without the rest of it, with the JSON that BentoCache would make. @param {string} folder */
export async function bentoFileStore(folder) {
  const options = { directory: join(folder, 'bento'), pruneInterval: /** @type {const} */ (false) }
  const driver = fileDriver(options).factory({ ...options, prefix: 'bench' })
  /** @param {string} key */
  const get = async (key) => JSON.parse((await driver.get(key)) ?? 'null')
  return {
    get,
    getAll: (/** @type {readonly string[]} */ keys) => Promise.all(keys.map(get)),
    setAll: (/** @type {readonly string[]} */ keys, /** @type {number} */ generation) =>
      Promise.all(keys.map((key) => driver.set(key, JSON.stringify(valueOf(key, generation)), 3_600_000))),
    close: async () => {},
  }
}

import { readBatches, readEach, writeBatches, writeEach } from './remote-calls.mjs'

/**
 * A store behind a connection as an application calls it. A verb that it does not offer is absent. Values are those of
 * payload.mjs; encoding them is the store's work.
 *
 * @typedef {object} RemoteStore
 * @property {string} name
 * @property {(key: string) => Promise<unknown>} [get]
 * @property {(keys: readonly string[]) => Promise<readonly unknown[]>} [getMany] In the order of the keys.
 * @property {(key: string, generation: number) => Promise<unknown>} [set]
 * @property {(keys: readonly string[], generation: number) => Promise<unknown>} [setMany]
 * @property {(answer: unknown, key: string) => number} generationOf The generation that an answer says, NaN for a wrong answer.
 * @property {() => unknown} close
 */

export const batchSize = 100

/** Stores generation 1 of every key. @param {RemoteStore} store @param {readonly string[]} keys */
export async function fill(store, keys) {
  if (store.setMany) await writeBatches(store, keys, { inFlight: 4, size: batchSize, generation: 1 })
  else if (store.set) await writeEach(store, keys, { inFlight: 256, generation: 1 })
}

/** The sum of the generations of all keys. @param {RemoteStore} store @param {readonly string[]} keys */
export function sumOf(store, keys) {
  if (store.getMany) return readBatches(store, keys, { inFlight: 4, size: batchSize })
  return readEach(store, keys, 256)
}

/** @param {readonly (RemoteStore | undefined)[]} stores */
export async function closeAll(stores) {
  await Promise.all(stores.map((store) => store?.close()))
}

/**
 * The loops that call a store behind a connection. Each contestant runs a copy of its own: V8 keeps the types that a call
 * site has seen with the function, and an application has its own code around its one client.
 */

/** @typedef {import('./remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {{ readonly inFlight: number, readonly size: number, readonly generation: number }} Batches */

/**
 * @param {string} owner The same owner gets the same copy.
 * @returns {Promise<typeof import('./remote-calls.mjs')>}
 */
export function freshCalls(owner) {
  const copy = new URL('./remote-calls.mjs', import.meta.url)
  copy.searchParams.set('owner', owner)
  return import(/* @vite-ignore */ copy.href)
}

/**
 * `inFlight` callers, each awaiting its own read before it asks for the next key.
 *
 * @param {RemoteStore} store @param {readonly string[]} keys @param {number} inFlight @returns {Promise<number>}
 */
export async function readEach({ get, generationOf }, keys, inFlight) {
  if (!get) throw new TypeError('The store has no get')
  let next = 0
  const caller = async () => {
    let sum = 0
    while (next < keys.length) {
      const key = keys[next++] ?? ''
      sum += generationOf(await get(key), key)
    }
    return sum
  }
  return total(await Promise.all(Array.from({ length: inFlight }, caller)))
}

/**
 * As `readEach`, with `size` keys in a call.
 *
 * @param {RemoteStore} store @param {readonly string[]} keys @param {Omit<Batches, 'generation'>} batches
 */
export async function readBatches({ getMany, generationOf }, keys, { inFlight, size }) {
  if (!getMany) throw new TypeError('The store has no getMany')
  let next = 0
  const caller = async () => {
    let sum = 0
    while (next < keys.length) {
      const batch = keys.slice(next, (next += size))
      const values = await getMany(batch)
      for (let at = 0; at < batch.length; at++) sum += generationOf(values[at], batch[at] ?? '')
    }
    return sum
  }
  return total(await Promise.all(Array.from({ length: inFlight }, caller)))
}

/**
 * @param {RemoteStore} store @param {readonly string[]} keys
 * @param {Omit<Batches, 'size'>} writes
 */
export async function writeEach({ set }, keys, { inFlight, generation }) {
  if (!set) throw new TypeError('The store has no set')
  let next = 0
  const caller = async () => {
    while (next < keys.length) await set(keys[next++] ?? '', generation)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
}

/** @param {RemoteStore} store @param {readonly string[]} keys @param {Batches} batches */
export async function writeBatches({ setMany }, keys, { inFlight, size, generation }) {
  if (!setMany) throw new TypeError('The store has no setMany')
  let next = 0
  const caller = async () => {
    while (next < keys.length) await setMany(keys.slice(next, (next += size)), generation)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
}

/** @param {readonly number[]} sums */
function total(sums) {
  return sums.reduce((all, sum) => all + sum, 0)
}

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/**
 * @typedef {object} Trace A recorded sequence of requests.
 * @property {string} name
 * @property {string[]} keys
 * @property {Float64Array | undefined} sizes Bytes of each request's object, of traces that tell.
 * @property {number} unique
 */

const ending = '.trace.gz'
const sizedEnding = '.sized.trace.gz'

/** @param {string} folder @returns {{ name: string, path: string, isSized: boolean }[]} */
export function tracesIn(folder) {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .toSorted()
  return files.map((file) => ({
    name: file.slice(0, -ending.length),
    path: join(folder, file),
    isSized: file.endsWith(sizedEnding),
  }))
}

/**
 * One request a line: a key number, and in sized traces the size of the object, of which the last one seen counts.
 *
 * @param {{ name: string, path: string, isSized: boolean }} file @returns {Trace}
 */
export function readTrace({ name, path, isSized }) {
  const numbers = numbersIn(gunzipSync(readFileSync(path)))
  const columns = isSized ? 2 : 1
  const ids = Array.from({ length: numbers.length / columns }, (_, at) => numbers[at * columns] ?? 0)
  /** @type {string[]} */
  const names = []
  const keys = ids.map((id) => (names[id] ??= `key:${id}`))
  const unique = names.filter(Boolean).length
  return { name, keys, sizes: isSized ? lastSizes(ids, numbers) : undefined, unique }
}

/** @param {readonly number[]} ids @param {readonly number[]} numbers */
function lastSizes(ids, numbers) {
  const sizes = new Map(ids.map((id, at) => [id, numbers[at * 2 + 1] ?? 0]))
  return Float64Array.from(ids, (id) => sizes.get(id) ?? 0)
}

/** @param {Uint8Array} text */
function numbersIn(text) {
  const numbers = []
  let number = -1
  for (const byte of text) {
    const digit = byte - 48
    if (digit >= 0 && digit <= 9) number = Math.max(number, 0) * 10 + digit
    else if (number >= 0) {
      numbers.push(number)
      number = -1
    }
  }
  if (number >= 0) numbers.push(number)
  return numbers
}

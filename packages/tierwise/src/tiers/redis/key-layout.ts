import { escapeGlob } from '../../base/glob.ts'
import { crc16 } from './key-slot.ts'

/**
 * Where the record of a storage key lies in Redis.
 *
 * On one server the name is the storage key itself. On a cluster the keys are spread over lanes: the name starts with
 * `{prefix:lane}`, which decides the slot, so all keys of a lane share a slot and one command may take many of them.
 */
export interface KeyLayout {
  /** How many lanes there are; a lane is a number below. */
  readonly lanes: number
  readonly laneOf: (key: string) => number
  nameOf(key: string, lane: number): string
  /** Where leases and what else is short-lived about a key lies: in the slot of its record, and never taken for one. */
  transientNameOf(key: string, lane: number): string
  /** The storage key, or undefined for a name that is not one of this layout. */
  keyOf(name: string): string | undefined
  /** The lane a name lies in, even if the key should lie in another one by now. */
  laneOfName(name: string): number
  /** A MATCH pattern for the names of all keys that start with `prefix`. */
  patternOf(prefix: string): string
}

export const singleLayout: KeyLayout = {
  lanes: 1,
  laneOf: () => 0,
  nameOf: (key) => key,
  transientNameOf: (key) => `~${key}`,
  keyOf: (name) => name,
  laneOfName: () => 0,
  patternOf: (prefix) => `${escapeGlob(prefix)}*`,
}

/** `prefix` is the first part of every storage key of the manager; it holds no brace. */
export function clusterLayout(prefix: string, lanes: number): KeyLayout {
  const heads = Array.from({ length: lanes }, (_, lane) => `{${prefix}:${lane}}`)
  const start = `{${prefix}:`
  const laneOf = (key: string): number => crc16(key) % lanes
  const laneOfName = (name: string): number => {
    const digits = name.startsWith(start) ? name.slice(start.length, name.indexOf('}')) : ''
    return /^\d{1,5}$/.test(digits) ? Number(digits) : -1
  }
  return {
    lanes,
    laneOf,
    nameOf: (key, lane) => `${heads[lane] ?? ''}${key}`,
    transientNameOf: (key, lane) => `${heads[lane] ?? ''}~${key}`,
    keyOf: (name) => {
      const lane = laneOfName(name)
      const key = lane === -1 ? undefined : name.slice(name.indexOf('}') + 1)
      return key !== undefined && laneOf(key) === lane ? key : undefined
    },
    laneOfName,
    patternOf: (wanted) => `${escapeGlob(start)}*}${escapeGlob(wanted)}*`,
  }
}

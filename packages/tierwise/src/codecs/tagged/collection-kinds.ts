import { undecodable } from '../refusal.ts'
import type { Kind, TagPart } from './kind.ts'

export const mapKind: Kind = {
  name: 'map',
  payload(value, tag) {
    const flat: unknown[] = []
    for (const [key, entry] of value as Map<unknown, unknown>) {
      flat.push(tag(key, flat.length))
      flat.push(tag(entry, flat.length))
    }
    return flat
  },
  restore(payload) {
    const flat = pairs(payload)
    const map = new Map<unknown, unknown>()
    for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1])
    return map
  },
}

export const setKind: Kind = {
  name: 'set',
  payload: (value, tag) => Array.from(value as Set<unknown>, tag),
  restore(payload) {
    if (!Array.isArray(payload)) throw undecodable('malformed set')
    return new Set<unknown>(payload)
  },
}

/** A plain object whose property names the format would misread. */
export const objectKind: Kind = {
  name: 'object',
  payload: flattenProperties,
  restore: (payload) => defineProperties({}, payload),
}

/** An object without a prototype. */
export const dictionaryKind: Kind = {
  name: 'dictionary',
  payload: flattenProperties,
  restore: (payload) => defineProperties(Object.create(null) as object, payload),
}

function flattenProperties(value: unknown, tag: TagPart): unknown[] {
  const flat: unknown[] = []
  for (const [key, part] of Object.entries(value as object)) {
    flat.push(tag(key, key))
    flat.push(tag(part, key))
  }
  return flat
}

/** Defines rather than assigns, so that `__proto__` becomes a property like any other. */
function defineProperties(target: object, payload: unknown): object {
  const flat = pairs(payload)
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i]
    if (typeof key !== 'string') throw undecodable('property name that is no string')
    Object.defineProperty(target, key, { value: flat[i + 1], writable: true, enumerable: true, configurable: true })
  }
  return target
}

function pairs(payload: unknown): readonly unknown[] {
  if (!Array.isArray(payload) || payload.length % 2 !== 0) throw undecodable('malformed list of pairs')
  return payload as unknown[]
}

import { types } from 'node:util'
import { undecodable } from '../refusal.ts'
import { byteKinds } from './byte-kinds.ts'
import { dictionaryKind, mapKind, objectKind, setKind } from './collection-kinds.ts'
import { errorKind } from './error-kind.ts'
import type { Kind } from './kind.ts'
import { bigintKind, dateKind, numberKind, regexpKind, stringKind, undefinedKind, urlKind } from './scalar-kinds.ts'

const byPrototype: ReadonlyMap<unknown, Kind> = new Map<unknown, Kind>([
  [Map.prototype, mapKind],
  [Set.prototype, setKind],
  [Date.prototype, dateKind],
  [RegExp.prototype, regexpKind],
  [URL.prototype, urlKind],
  ...byteKinds,
])

const byName: ReadonlyMap<unknown, Kind> = new Map(
  [
    undefinedKind,
    numberKind,
    bigintKind,
    stringKind,
    objectKind,
    dictionaryKind,
    errorKind,
    ...byPrototype.values(),
  ].map((kind) => [kind.name, kind]),
)

/** The kind of an object that is neither plain nor an array; undefined when it is an instance of somebody's class. */
export function kindOf(value: object, prototype: unknown): Kind | undefined {
  return byPrototype.get(prototype) ?? (types.isNativeError(value) ? errorKind : undefined)
}

/** Turns a payload back into the value it was made from. @throws CodecError ERR_CACHE_DECODE */
export function restore(kind: unknown, payload: unknown): unknown {
  const known = byName.get(kind)
  if (known === undefined) throw undecodable('part of an unknown kind')
  return known.restore(payload)
}

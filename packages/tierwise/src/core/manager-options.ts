import { boolean, optionError, positiveInteger, shaped, texts } from '../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../base/option-reader.ts'
import type { BusDefinition } from '../contract/bus.ts'
import type { EncryptionKey } from '../contract/codec.ts'
import { guardTable } from './guard/guard-options.ts'
import type { GuardOptionValues } from './guard/guard-options.ts'
import { isNamePart } from '../base/key.ts'

/** The manager's own options that are plain values; tiers, namespaces and parts are read elsewhere. */
export interface ManagerSettings {
  readonly strictNamespaces: boolean
  readonly prefix: string
  readonly maxRefreshes: number
  readonly maxPendingWrites: number
  readonly statistics: boolean
  readonly requiredTiers: readonly string[]
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

const isBus = (raw: unknown): raw is BusDefinition =>
  isObject(raw) && 'create' in raw && typeof raw.create === 'function'

const readElsewhere: OptionReader<unknown> = shaped('an object or a list', isObject)

const codec: OptionReader<unknown> = (raw, path) => {
  if (raw === 'msgpack' || raw === 'json' || (isObject(raw) && 'encode' in raw && 'decode' in raw)) return raw
  throw optionError(path, raw, "'msgpack', 'json' or a codec of your own")
}

const prefix: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || !isNamePart(raw))
    throw optionError(path, raw, 'a text of letters, digits, `_`, `-` and `.`')
  return raw
}

const encryption: OptionReader<unknown> = (raw, path) => {
  const keys = isObject(raw) && 'keys' in raw && Array.isArray(raw.keys) ? (raw.keys as readonly unknown[]) : []
  if (keys.length === 0) throw optionError(path, raw, 'an object with at least one key: { keys: [{ id, secret }] }')
  for (const [index, key] of keys.entries())
    if (!isKey(key))
      throw optionError(`${path}.keys[${index}]`, key, 'an `id` from 0 to 255 and a `secret` of 32 bytes')
  const ids = keys.map((key) => (key as EncryptionKey).id)
  if (new Set(ids).size < ids.length) throw optionError(`${path}.keys`, keys, 'a list of keys whose ids differ')
  return raw
}

function isKey(raw: unknown): raw is EncryptionKey {
  if (!isObject(raw) || !('id' in raw) || !('secret' in raw)) return false
  const { id, secret } = raw
  return (
    Number.isInteger(id) &&
    (id as number) >= 0 &&
    (id as number) <= 255 &&
    secret instanceof Uint8Array &&
    secret.byteLength === 32
  )
}

export const managerTable: OptionTable<
  ManagerSettings &
    GuardOptionValues &
    Record<
      'tiers' | 'defaults' | 'governance' | 'namespaces' | 'bus' | 'codec' | 'encryption' | 'guards' | 'runtime',
      unknown
    >
> = {
  tiers: readElsewhere,
  defaults: readElsewhere,
  governance: readElsewhere,
  namespaces: readElsewhere,
  strictNamespaces: boolean,
  prefix,
  bus: shaped('a bus, made by threadBus()', isBus),
  codec,
  encryption,
  ...guardTable,
  guards: readElsewhere,
  maxRefreshes: positiveInteger,
  maxPendingWrites: positiveInteger,
  statistics: boolean,
  requiredTiers: texts,
  runtime: readElsewhere,
}

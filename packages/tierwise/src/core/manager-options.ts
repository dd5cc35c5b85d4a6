import { boolean, duration, optionError, positiveInteger, shaped } from '../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../base/option-reader.ts'
import { isNamePart } from './key.ts'

/** The manager's own options that are plain values; tiers, namespaces and parts are read elsewhere. */
export interface ManagerSettings {
  readonly strictNamespaces: boolean
  readonly prefix: string
  readonly tierTimeout: number
  readonly maxRefreshes: number
  readonly maxPendingWrites: number
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

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

export const managerTable: OptionTable<
  ManagerSettings &
    Record<'tiers' | 'defaults' | 'namespaces' | 'codec' | 'encryption' | 'breaker' | 'runtime', unknown>
> = {
  tiers: readElsewhere,
  defaults: readElsewhere,
  namespaces: readElsewhere,
  strictNamespaces: boolean,
  prefix,
  codec,
  encryption: readElsewhere,
  tierTimeout: duration,
  maxRefreshes: positiveInteger,
  maxPendingWrites: positiveInteger,
  breaker: readElsewhere,
  runtime: readElsewhere,
}

export const breakerTable: OptionTable<{ failures: number; openFor: number }> = {
  failures: positiveInteger,
  openFor: duration,
}

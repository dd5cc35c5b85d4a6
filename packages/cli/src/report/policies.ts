import type { Configuration, PolicyOptions } from '../configuration.ts'
import { bytesOf, millisecondsOf } from '../units.ts'
import { compileGlob } from './glob.ts'

/** The bounds for one key, each the narrowest of those of its data class, namespace and key rule. */
export interface Bounds {
  readonly maxTtlMs: number
  /** The licence that sets `maxTtlMs`. */
  readonly license: string | undefined
  readonly keyFormats: readonly RegExp[]
  readonly maxKeyLength: number
  readonly maxValueBytes: number
  /** Tiers that may hold it; undefined for all. */
  readonly tiers: readonly string[] | undefined
  /** Whether an entry without an end is meant. */
  readonly mayBeEndless: boolean
}

/** What the configuration says of one namespace. */
export interface NamespaceRules {
  readonly isListed: boolean
  /** Part of the storage key; entries of another one are retired. */
  readonly version: string
  readonly hasTenants: boolean
  /** Of a key without its tenant. */
  boundsOf(key: string): Bounds
}

const longestKey = 4096

const unbounded: Bounds = {
  maxTtlMs: Infinity,
  license: undefined,
  keyFormats: [],
  maxKeyLength: longestKey,
  maxValueBytes: Infinity,
  tiers: undefined,
  mayBeEndless: false,
}

/** The rules of every namespace, by name; those that are not listed have the defaults alone. */
export function policiesOf(configuration: Configuration): (namespace: string) => NamespaceRules {
  const known = new Map(
    Object.entries(configuration.namespaces ?? {}).map(([name, own]) => [name, namespaceRules(own, configuration)]),
  )
  const unlisted = { ...namespaceRules({}, configuration), isListed: false }
  return (namespace) => known.get(namespace) ?? unlisted
}

function namespaceRules(own: PolicyOptions, configuration: Configuration): NamespaceRules {
  const outer: Bounds = { ...unbounded, mayBeEndless: configuration.defaults?.['ttl'] === 'forever' }
  const bounds = layOn(outer, own, configuration)
  const keyRules = (Array.isArray(own['keyRules']) ? (own['keyRules'] as readonly PolicyOptions[]) : []).map(
    (rule) => ({
      fits: compileGlob(String(rule['match'])),
      bounds: layOn(bounds, rule, configuration),
    }),
  )
  return {
    isListed: true,
    version: String((own['version'] as string | number | undefined) ?? '1'),
    hasTenants: own['tenant'] === 'required',
    boundsOf: (key) => keyRules.find(({ fits }) => fits(key))?.bounds ?? bounds,
  }
}

/** A level of rules, with the data class that it names in between. */
function layOn(outer: Bounds, own: PolicyOptions, { governance }: Configuration): Bounds {
  const dataClass = governance?.dataClasses?.[String(own['dataClass'])]
  return narrowed(dataClass === undefined ? outer : narrowed(outer, dataClass), own)
}

function narrowed(outer: Bounds, own: PolicyOptions): Bounds {
  const maxTtlMs = Math.min(outer.maxTtlMs, millisecondsOf(own['maxTtl']) ?? Infinity)
  const license = (own['license'] as string | undefined) ?? outer.license
  const format = own['keyFormat'] as string | RegExp | undefined
  return {
    maxTtlMs,
    license,
    keyFormats: format === undefined ? outer.keyFormats : [...outer.keyFormats, new RegExp(format)],
    maxKeyLength: Math.min(outer.maxKeyLength, Number(own['maxKeyLength'] ?? Infinity)),
    maxValueBytes: Math.min(outer.maxValueBytes, bytesOf(own['maxValueBytes']) ?? Infinity),
    tiers: (own['tiers'] as readonly string[] | undefined) ?? outer.tiers,
    mayBeEndless: own['ttl'] === undefined ? outer.mayBeEndless : own['ttl'] === 'forever',
  }
}

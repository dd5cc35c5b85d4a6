import { oneOf, optionError, readOptions } from '../../base/option-reader.ts'
import type { OptionReader } from '../../base/option-reader.ts'
import type { RawValues } from '../../contract/options.ts'
import { ConfigError } from '../../errors.ts'
import { storagePrefix } from '../key.ts'

/** The options of a raw namespace, each with a value. */
export interface RawPolicy {
  readonly keyPrefix: string
  readonly values: RawValues
}

/** What a raw namespace is checked against. */
export interface RawContext {
  /** Names of the tiers that can keep plain keys. */
  readonly rawTiers?: readonly string[]
  /** Name of the memory tier. */
  readonly memory?: string | undefined
  /** What the keys of the other namespaces start with. */
  readonly prefix?: string
  readonly isEncrypted?: boolean
}

const table = {
  keyPrefix: (raw: unknown, path: string): string => {
    if (typeof raw !== 'string' || !raw.isWellFormed()) throw optionError(path, raw, 'a text; it may be empty')
    return raw
  },
  values: oneOf('json', 'text', 'bytes'),
}

export const rawOptions: OptionReader<Partial<RawPolicy>> = (raw, path) => readOptions(raw, path, table)

/** Options of a namespace that need something beside the value, where a plain value has no place for it. */
const impossible = {
  grace: 'nothing tells a stale plain value from a fresh one',
  tags: 'a plain value carries no tags',
  version: 'a plain key has no place for it',
  license: 'nothing tells when a plain value was born',
  maxTtl: 'nothing tells when a plain value was born',
  requiredTags: 'a plain value carries no tags',
  tenant: 'a tenant is forgotten by a tag, and a plain value carries none',
  dataClass: 'its rules need what a plain value has no place for',
  keyRules: 'their rules need what a plain value has no place for',
  adaptiveTtl: 'nothing tells when a plain value was born',
} as const

type Given = Partial<Record<string, unknown>>

/** Throws a `ConfigError` for what a raw namespace cannot keep its word about. Returns what it works with. */
export function resolveRaw(
  name: string,
  own: Given,
  context: RawContext,
): { readonly raw: RawPolicy; readonly tiers: readonly string[] } {
  const path = `namespaces.${name}`
  refuseImpossible(path, own)
  if (own['writeMode'] === 'behind') throw refusal(path, 'writeMode', writesBehind)
  if (context.isEncrypted === true)
    throw new ConfigError(
      `\`${path}.raw\` keeps plain values, and \`options.encryption\` promises that none leave memory. Use a manager without it for this namespace.`,
      { code: 'ERR_CACHE_CONFIG', namespace: name },
    )
  const raw: RawPolicy = { keyPrefix: `${name}:`, values: 'json', ...(own['raw'] as Partial<RawPolicy>) }
  const framed = storagePrefix(context.prefix ?? 'tw')
  if (raw.keyPrefix !== '' && (raw.keyPrefix.startsWith(framed) || framed.startsWith(raw.keyPrefix)))
    throw optionError(`${path}.raw.keyPrefix`, raw.keyPrefix, `apart from \`${framed}\`, the keys of this library`)
  return { raw, tiers: rawTiers(path, own, context) }
}

const writesBehind = 'what other code writes meanwhile would be overwritten by something older'

/** Options of a call on a raw namespace. */
export function refuseRawCall(own: Given): void {
  refuseImpossible('options', own)
  if (own['writeMode'] === 'behind') throw refusal('options', 'writeMode', writesBehind)
}

/** Throws where a raw namespace is asked for something that its values have no place for. */
export function refuseTags(namespace: string): never {
  throw new ConfigError(`The namespace \`${namespace}\` is raw, and ${impossible.tags}. Delete its keys instead.`, {
    code: 'ERR_CACHE_OPTION',
    namespace,
  })
}

/** Throws where everything under an empty prefix would be removed: that is the whole store. */
export function refuseUnbounded(namespace: string, operation: string): never {
  throw new ConfigError(
    `\`${operation}\` would visit every key of the store: the raw namespace \`${namespace}\` has an empty \`keyPrefix\`. Delete its keys by their names.`,
    { code: 'ERR_CACHE_OPTION', namespace, operation },
  )
}

function refuseImpossible(path: string, own: Given): void {
  for (const [option, why] of Object.entries(impossible)) {
    const given = own[option]
    const isOff = given === undefined || given === 0 || (Array.isArray(given) && given.length === 0)
    if (!isOff) throw refusal(path, option, why)
  }
}

function refusal(path: string, option: string, why: string): ConfigError {
  return new ConfigError(`\`${path}.${option}\` cannot hold in a raw namespace: ${why}.`, { code: 'ERR_CACHE_OPTION' })
}

/** Without `tiers` all that can; memory only when it is named, because it hides what other code writes. */
function rawTiers(path: string, own: Given, { rawTiers: able = [], memory }: RawContext): readonly string[] {
  const named = own['tiers'] as readonly string[] | undefined
  if (able.length === 0)
    throw new ConfigError(`\`${path}.raw\` needs a tier that can keep plain keys, and the chain has none.`, {
      code: 'ERR_CACHE_CONFIG',
    })
  if (named === undefined) return able
  for (const [index, tier] of named.entries())
    if (tier !== memory && !able.includes(tier))
      throw optionError(
        `${path}.tiers[${index}]`,
        tier,
        `memory or a tier that can keep plain keys: ${able.join(', ')}`,
      )
  if (!named.some((tier) => able.includes(tier)))
    throw optionError(`${path}.tiers`, named, `a list with at least one of: ${able.join(', ')}`)
  return named
}

import { compileGlob } from '../base/glob.ts'
import { duration, oneOf, optionError, positiveInteger, size, text, texts } from '../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../base/option-reader.ts'
import type { Rules } from '../contract/options.ts'
import { ConfigError } from '../errors.ts'

/** A pattern that one tag of an entry has to fit. */
export interface RequiredTag {
  readonly pattern: string
  readonly fits: (tag: string) => boolean
}

/** Rules after narrowing, each with a value; `Infinity` is no bound. */
export interface RuleSet {
  readonly dataClass: string | undefined
  readonly license: string | undefined
  readonly maxTtlMs: number
  readonly minTtlMs: number
  readonly ttlBounds: 'clamp' | 'reject'
  readonly requiredTags: readonly RequiredTag[]
  readonly keyFormats: readonly RegExp[]
  readonly maxKeyLength: number
  readonly maxValueBytes: number
  readonly tiers: readonly string[] | undefined
}

export const noRules: RuleSet = Object.freeze({
  dataClass: undefined,
  license: undefined,
  maxTtlMs: Infinity,
  minTtlMs: 0,
  ttlBounds: 'clamp',
  requiredTags: [],
  keyFormats: [],
  maxKeyLength: Infinity,
  maxValueBytes: Infinity,
  tiers: undefined,
})

const keyFormat: OptionReader<RegExp> = (raw, path) => {
  const source = raw instanceof RegExp ? raw.source : text(raw, path)
  const flags = raw instanceof RegExp ? raw.flags.replace(/[gy]/g, '') : 'u'
  try {
    return new RegExp(`^(?:${source})$`, flags)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw optionError(path, raw, `a regular expression; this one is none: ${reason}`)
  }
}

/** The rules as they are read, before they are narrowed. */
export interface GivenRules extends Partial<Record<keyof Rules, unknown>> {
  readonly tiers?: readonly string[]
  readonly maxTtl?: number
  readonly minTtl?: number
  readonly ttlBounds?: 'clamp' | 'reject'
  readonly license?: string
  readonly requiredTags?: readonly string[]
  readonly keyFormat?: RegExp
  readonly maxKeyLength?: number
  readonly maxValueBytes?: number
}

export const rulesTable: OptionTable<Required<GivenRules>> = {
  tiers: texts,
  maxTtl: duration,
  minTtl: duration,
  ttlBounds: oneOf('clamp', 'reject'),
  license: text,
  requiredTags: texts,
  keyFormat,
  maxKeyLength: positiveInteger,
  maxValueBytes: size,
}

/** Where rules were given: their path, and what they are called in a message. */
export interface Level {
  readonly path: string
  readonly dataClass: string | undefined
}

/** The rules of an inner level within those of an outer one. Throws a `ConfigError` where it would allow more. */
export function narrow(outer: RuleSet, given: GivenRules, { path, dataClass }: Level): RuleSet {
  const rules: RuleSet = {
    dataClass: dataClass ?? outer.dataClass,
    license: given.license ?? outer.license,
    maxTtlMs: atMost(outer.maxTtlMs, given.maxTtl, `${path}.maxTtl`),
    minTtlMs: atLeast(outer.minTtlMs, given.minTtl, `${path}.minTtl`),
    ttlBounds: given.ttlBounds ?? (given.license === undefined ? outer.ttlBounds : 'reject'),
    requiredTags: [...outer.requiredTags, ...(given.requiredTags ?? []).map(toRequiredTag)],
    keyFormats: given.keyFormat === undefined ? outer.keyFormats : [...outer.keyFormats, given.keyFormat],
    maxKeyLength: atMost(outer.maxKeyLength, given.maxKeyLength, `${path}.maxKeyLength`),
    maxValueBytes: atMost(outer.maxValueBytes, given.maxValueBytes, `${path}.maxValueBytes`),
    tiers: subset(outer.tiers, given.tiers, `${path}.tiers`),
  }
  checkBounds(rules, path)
  return Object.freeze(rules)
}

function checkBounds({ license, maxTtlMs, minTtlMs }: RuleSet, path: string): void {
  if (license !== undefined && maxTtlMs === Infinity)
    throw contradiction(
      `\`${path}.license\` needs \`${path}.maxTtl\`: how long the licence allows a value to be kept.`,
      'ERR_CACHE_OPTION',
    )
  if (minTtlMs > maxTtlMs)
    throw contradiction(`\`${path}.minTtl\` is ${minTtlMs} ms, more than the \`maxTtl\` of ${maxTtlMs} ms.`)
}

function atMost(outer: number, given: number | undefined, path: string): number {
  if (given === undefined || given <= outer) return given ?? outer
  throw contradiction(`\`${path}\` is ${given}, and what it is laid on allows at most ${outer}.`)
}

function atLeast(outer: number, given: number | undefined, path: string): number {
  if (given === undefined || given >= outer) return given ?? outer
  throw contradiction(`\`${path}\` is ${given}, and what it is laid on demands at least ${outer}.`)
}

function subset(
  outer: readonly string[] | undefined,
  given: readonly string[] | undefined,
  path: string,
): readonly string[] | undefined {
  const strange = given?.find((tier) => outer?.includes(tier) === false)
  if (strange === undefined) return given ?? outer
  throw contradiction(`\`${path}\` names ${strange}, and what it is laid on allows only ${outer?.join(', ')}.`)
}

function toRequiredTag(pattern: string): RequiredTag {
  return { pattern, fits: compileGlob(pattern) }
}

function contradiction(
  message: string,
  code: 'ERR_CACHE_CONFIG' | 'ERR_CACHE_OPTION' = 'ERR_CACHE_CONFIG',
): ConfigError {
  return new ConfigError(message, { code })
}

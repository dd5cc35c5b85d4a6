import { escapeGlob } from '../base/glob.ts'
import { unknown } from './spelling.ts'
import type { Cache, CacheManager } from '../contract/cache.ts'
import { ConfigError } from '../errors.ts'
import type { InvalidationTargets, ResolvedConfig } from './tierwise-config.ts'

/** What an event has removed. */
export interface InvalidationReport {
  /** Keys that were removed, named ones and those that fitted a pattern. */
  readonly keys: number
  /** Tags that were invalidated. */
  readonly tags: readonly string[]
  /** Namespaces that were cleared. */
  readonly namespaces: readonly string[]
}

/** What the `{id}` of keys, patterns and tags stands for. */
export type InvalidationParameters = Readonly<Record<string, string | number>>

/** The parts of a configuration that say what to remove. */
export type InvalidationRules = Pick<ResolvedConfig, 'invalidation' | 'namespaces'>

/**
 * Removes what `invalidation.on` of a configuration says of an event. Every text is made before anything is removed.
 * Characters of patterns in a parameter stand for themselves. With a parameter `tenant`, what is removed of namespaces that
 * have tenants is of that one; without it, patterns and whole namespaces are of all of them. Tags are of all tenants.
 *
 * @throws ConfigError ERR_CACHE_OPTION for an event that is not listed, and for a parameter that is missing or empty
 * @example
 * await invalidateOn(manager, config, 'user.updated', { id: 42 })
 */
export async function invalidateOn(
  manager: CacheManager,
  config: InvalidationRules,
  ...[event, parameters = {}]: readonly [event: string, parameters?: InvalidationParameters]
): Promise<InvalidationReport> {
  const targets = targetsOf(config, event)
  const put = filler(event, parameters)
  const namespaces = [...new Set(targets.flatMap((target) => target.namespaces ?? []))]
  const tags = [...new Set(targets.flatMap((target) => target.tags ?? []).map((tag) => put(tag)))]
  const keys = targets.flatMap((target) => perNamespace(target.keys, (key) => put(key)))
  const patterns = targets.flatMap((target) => perNamespace(target.patterns, (pattern) => put(pattern, escapeGlob)))
  const tenanted = tenantedIn(config)
  // A key of a namespace with tenants says nothing without its tenant.
  const tenant = keys.some(([name]) => tenanted.has(name)) ? put('{tenant}') : parameters['tenant']
  const view = (name: string): Cache => {
    const whole = manager.namespace(name)
    return tenant !== undefined && tenanted.has(name) ? whole.forTenant(String(tenant)) : whole
  }
  if (tags.length > 0) await manager.invalidateTags(tags)
  const deleted = await Promise.all(keys.map(([name, texts]) => view(name).deleteMany(texts)))
  const matched = await Promise.all(
    patterns.flatMap(([name, texts]) => texts.map((text) => view(name).invalidatePattern(text))),
  )
  await Promise.all(namespaces.map((name) => view(name).clear()))
  return { keys: [...deleted, ...matched].reduce((sum, count) => sum + count, 0), tags, namespaces }
}

/** The names, aliases too, of namespaces whose keys belong to tenants. */
function tenantedIn({ namespaces = {} }: InvalidationRules): ReadonlySet<string> {
  const found = Object.entries(namespaces).filter(([, { tenant }]) => tenant === 'required')
  return new Set(found.flatMap(([name, { aliases = [] }]) => [name, ...aliases]))
}

function targetsOf(
  { invalidation }: Pick<ResolvedConfig, 'invalidation'>,
  event: string,
): readonly InvalidationTargets[] {
  const events = invalidation?.on ?? {}
  const own = Object.hasOwn(events, event) ? events[event] : undefined
  if (own === undefined)
    throw new ConfigError(`\`invalidation.on\` has no event \`${event}\`. ${unknown(event, Object.keys(events))}`, {
      code: 'ERR_CACHE_OPTION',
    })
  const groups = (own.groups ?? []).flatMap((name) => invalidation?.groups?.[name] ?? [])
  return [own, ...groups]
}

type PerNamespace = readonly [namespace: string, texts: readonly string[]]

function perNamespace(
  table: Readonly<Record<string, readonly string[]>> | undefined,
  put: (text: string) => string,
): readonly PerNamespace[] {
  return Object.entries(table ?? {}).map(([name, texts]) => [name, texts.map((text) => put(text))] as const)
}

/** An empty parameter would turn `user:{id}*` into a pattern for everybody. */
function filler(event: string, parameters: InvalidationParameters) {
  return (text: string, escape: (value: string) => string = (value) => value): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = Object.hasOwn(parameters, name) ? String(parameters[name]) : ''
      if (value !== '') return escape(value)
      throw new ConfigError(`The event \`${event}\` needs the parameter \`${name}\`, which is missing or empty.`, {
        code: 'ERR_CACHE_OPTION',
      })
    })
}

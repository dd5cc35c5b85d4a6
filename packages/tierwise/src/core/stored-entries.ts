import type { Entry, EntryHead } from '../contract/entry.ts'
import type { BadRecordReason } from '../contract/events.ts'
import { CacheError } from '../errors.ts'
import { shiftTimes } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { isolateIn } from './isolation.ts'
import type { Namespace } from './namespace.ts'

/** What is asked of a tier. */
export interface Asked {
  /** Storage keys. */
  readonly keys: readonly string[]
  /** Told of a record that is there and left out, by its place and its version. */
  readonly onUnusable?: (index: number, version: number) => void
  /** Called when the tier could not answer. */
  readonly onFailure?: () => void
}

/** What a tier holds for storage keys, decoded, in order; entries that no longer fit the schema are left out. */
export async function storedEntries(
  ns: Namespace,
  tier: GuardedTier,
  { keys, onUnusable = () => undefined, onFailure }: Asked,
): Promise<readonly (Entry | undefined)[]> {
  const decode = decoder(ns, tier)
  const tagClock = ns.tags.now
  const answers = await tier.get(
    keys,
    (bytes, index, version) => {
      const entry = decode(bytes, keys[index] ?? '', version)
      if (entry === undefined && version !== undefined) onUnusable(index, version)
      return entry
    },
    onFailure,
  )
  // A source has heard of every clear itself, and knows no tag clock.
  const isSource = tier.capabilities.readOnly === true
  const entries = isSource ? answers.map((entry) => entry && { ...entry, tagClock }) : answers
  return ns.policy.schema === undefined ? entries : fittingEntries(ns, tier, { keys, entries, onUnusable })
}

function fittingEntries(
  ns: Namespace,
  tier: GuardedTier,
  {
    keys,
    onUnusable,
    entries,
  }: Required<Omit<Asked, 'onFailure'>> & { readonly entries: readonly (Entry | undefined)[] },
): Promise<readonly (Entry | undefined)[]> {
  return Promise.all(
    entries.map(async (entry, at) => {
      if (entry === undefined || (await fitsSchema(ns, entry))) return entry
      ns.engine.emitter.emit({
        type: 'bad-record',
        tier: tier.name,
        key: keys[at] ?? '',
        reason: 'schema',
      })
      onUnusable(at, entry.version)
      return undefined
    }),
  )
}

/** A record that cannot be used is a miss and an event. */
function decoder(
  ns: Namespace,
  tier: GuardedTier,
): (bytes: Uint8Array, storageKey: string, version?: number) => Entry | undefined {
  const { clockOffsetMs = 0 } = tier
  return (bytes, storageKey, version) => {
    try {
      return adopt(ns, storageKey, shiftTimes(tier.envelope.decode(bytes, storageKey, version), -clockOffsetMs))
    } catch (error) {
      const isNewer = error instanceof CacheError && error.code === 'ERR_CACHE_FORMAT_NEWER'
      const reason: BadRecordReason = isNewer ? 'newer-format' : 'damaged'
      ns.engine.emitter.emit({
        type: 'bad-record',
        tier: tier.name,
        key: storageKey,
        reason,
        error,
      })
      return undefined
    }
  }
}

function adopt(ns: Namespace, storageKey: string, entry: Entry): Entry {
  if (ns.policy.isolation === 'freeze') isolateIn(entry.value, 'freeze')
  return underCap(ns, storageKey, entry)
}

/** What a tier holds, under the rules of today: its cap may have been longer when it was written. */
export function underCap<E extends EntryHead>(ns: Namespace, storageKey: string, entry: E): E {
  const cap = entry.createdAt + ns.policyOf(storageKey.slice(ns.prefix.length)).rules.maxTtlMs
  if (entry.usableUntil <= cap) return entry
  return { ...entry, freshUntil: Math.min(entry.freshUntil, cap), usableUntil: cap }
}

async function fitsSchema(ns: Namespace, entry: Entry): Promise<boolean> {
  const { schema } = ns.policy
  if (schema === undefined) return true
  try {
    const verdict = schema['~standard'].validate(entry.value)
    const { issues } = verdict instanceof Promise ? await verdict : verdict
    return issues === undefined
  } catch {
    // A schema that throws at an old value has not accepted it.
    return false
  }
}

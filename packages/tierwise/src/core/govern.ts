import type { Breach, Judged } from '../governance/governor.ts'
import type { Namespace } from './namespace.ts'
import { bareKey, withTtl } from './policy.ts'
import type { Policy } from './policy.ts'
import { callersTags } from './tenants/tenant-tags.ts'

/** What of a call the rules look at before it begins. */
export interface Call {
  readonly operation: string
  readonly key: string
  readonly policy: Policy
}

/**
 * Before a caller's write. Throws a `PolicyViolationError` or `LicenseViolationError` where a rule that is enforced forbids
 * it. Returns the bytes of the value where it had to be weighed, else 0.
 */
export function admitWrite(ns: Namespace, call: Call, value: unknown): number {
  const { governor } = ns
  const { policy } = call
  const { requiredTags, maxValueBytes } = policy.rules
  const judged = judgedOf(ns, call)
  admit(ns, judged, policy)
  countImmortal(ns, policy)
  if (requiredTags.length > 0) refuse(ns, judged, governor.missingTags(givenTags(ns, policy.tags), policy.rules))
  if (maxValueBytes === Infinity || governor.mode === 'off') return 0
  const bytes = sizeOf(ns, value)
  refuse(ns, judged, governor.oversize(bytes, policy.rules))
  return bytes
}

function refuse({ governor }: Namespace, judged: Judged, breach: Breach | undefined): void {
  if (breach !== undefined) governor.refuse(judged, breach)
}

/** Before a load, and before a renewal: what is known of them by then. Throws as `admitWrite`. */
export function admitCall(ns: Namespace, call: Call): void {
  admit(ns, judgedOf(ns, call), call.policy)
}

/** What a loader brought, with the tags it got. */
export interface Brought {
  readonly key: string
  readonly value: unknown
  readonly tags: readonly string[]
  readonly policy: Policy
}

/** Whether what a loader brought may be kept. Its caller has the value in either case: only keeping it is forbidden. */
export function mayKeep(ns: Namespace, { key, value, tags, policy }: Brought): boolean {
  const { governor } = ns
  const { requiredTags, maxValueBytes } = policy.rules
  countImmortal(ns, policy)
  if (governor.mode === 'off' || (requiredTags.length === 0 && maxValueBytes === Infinity)) return true
  const judged = judgedOf(ns, { operation: 'getOrSet', key })
  const isTagged = governor.mayKeep(judged, governor.missingTags(givenTags(ns, tags), policy.rules))
  const fits =
    maxValueBytes === Infinity || governor.mayKeep(judged, governor.oversize(sizeOf(ns, value), policy.rules))
  return isTagged && fits
}

/** The policy with a ttl that a loader or a renewal asks for. Throws where it is refused. */
export function admitTtl(ns: Namespace, call: Call, ttlMs: number): Policy {
  const bound = withTtl(ns.policyOf(call.key), ttlMs, { ...call.policy, breaches: [] })
  ns.governor.ttlOverrides++
  tellBreaches(ns, judgedOf(ns, call), bound)
  return bound
}

function admit(ns: Namespace, judged: Judged, policy: Policy): void {
  const { governor } = ns
  governor.operations++
  if (policy.overridesTtl) governor.ttlOverrides++
  governor.judgeKey(judged, policy.rules)
  if (policy.breaches.length > 0) tellBreaches(ns, judged, policy)
}

function tellBreaches({ governor }: Namespace, judged: Judged, { breaches }: Policy): void {
  for (const breach of breaches) {
    if (breach.isRefused) governor.refuse(judged, breach)
    else governor.noteClamp(judged, breach)
  }
}

/** Without those that only say whose the entry is. */
function givenTags({ policy }: Namespace, tags: readonly string[]): readonly string[] {
  return policy.hasTenants ? callersTags(tags) : tags
}

function countImmortal({ governor }: Namespace, { ttlMs }: Policy): void {
  if (ttlMs === Infinity) governor.immortalEntries++
}

function judgedOf(ns: Namespace, { operation, key }: Pick<Call, 'operation' | 'key'>): Judged {
  return { operation, key, bareKey: bareKey(ns.policy, key) }
}

/** As it is encoded, or as memory would account for it; nothing where it cannot be encoded, which is an error of its own. */
function sizeOf(ns: Namespace, value: unknown): number {
  const tier = ns.tiers.find(({ capabilities }) => capabilities.readOnly !== true)
  if (tier === undefined) return ns.local?.space.weigh(value) ?? 0
  try {
    return tier.envelope.encodeValue(value).byteLength
  } catch {
    return 0
  }
}

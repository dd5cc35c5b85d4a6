import type { LoadOptions, ReadOptions, WriteOptions } from '../contract/options.ts'
import { policyOfKey, resolveCall } from './policy.ts'
import type { CallKind, NamespacePolicy, Policy } from './policy.ts'

type CallOptions = ReadOptions | WriteOptions | LoadOptions

type Known = Readonly<Record<CallKind, WeakMap<object, Policy>>>

/**
 * Policies of calls, one for each distinct options object and each key rule: a caller that keeps its options in a constant
 * pays once.
 */
export class CallPolicies {
  readonly #base: NamespacePolicy
  readonly #tierNames: readonly string[]
  readonly #known = new Map<NamespacePolicy, Known>()

  constructor(base: NamespacePolicy, tierNames: readonly string[]) {
    this.#base = base
    this.#tierNames = tierNames
  }

  /** Of a call for one key; without a key, for whatever no key rule holds. */
  of(kind: CallKind, options: CallOptions | undefined, key?: string): Policy {
    const base = key === undefined ? this.#base : policyOfKey(this.#base, key)
    return options === undefined ? base : this.#resolve(base, kind, options)
  }

  /** Of a call for many keys: each policy with the keys that it is for, in their order. */
  ofEach(
    kind: CallKind,
    options: CallOptions | undefined,
    keys: readonly string[],
  ): ReadonlyMap<Policy, readonly string[]> {
    if (this.#base.keyRules.length === 0) return new Map([[this.of(kind, options), keys]])
    const byRule = new Map<NamespacePolicy, string[]>()
    for (const key of keys) {
      const base = policyOfKey(this.#base, key)
      const alike = byRule.get(base)
      if (alike === undefined) byRule.set(base, [key])
      else alike.push(key)
    }
    return new Map(
      [...byRule].map(([base, alike]) => [options === undefined ? base : this.#resolve(base, kind, options), alike]),
    )
  }

  #resolve(base: NamespacePolicy, kind: CallKind, options: CallOptions): Policy {
    const known = this.#knownOf(base)[kind]
    const found = known.get(options)
    if (found !== undefined) return found
    const policy = resolveCall(base, { kind, options, tierNames: this.#tierNames })
    // Only a frozen object is sure to say the same the next time.
    if (Object.isFrozen(options)) known.set(options, policy)
    return policy
  }

  #knownOf(base: NamespacePolicy): Known {
    const held = this.#known.get(base)
    if (held !== undefined) return held
    const created: Known = { read: new WeakMap(), write: new WeakMap(), load: new WeakMap() }
    this.#known.set(base, created)
    return created
  }
}

/** Options that do not change what a memory hit may answer. */
export function isPlain(options: LoadOptions): boolean {
  return (
    options.forceFresh !== true &&
    options.signal === undefined &&
    options.tiers === undefined &&
    options.after === undefined
  )
}

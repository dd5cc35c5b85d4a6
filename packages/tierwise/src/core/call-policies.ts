import type { LoadOptions, ReadOptions, WriteOptions } from '../contract/options.ts'
import { resolveCall } from './policy.ts'
import type { CallKind, NamespacePolicy, Policy } from './policy.ts'

type CallOptions = ReadOptions | WriteOptions | LoadOptions

/** Policies of calls, one for each distinct options object: a caller that keeps its options in a constant pays once. */
export class CallPolicies {
  readonly #base: NamespacePolicy
  readonly #tierNames: readonly string[]
  readonly #byOptions: Readonly<Record<CallKind, WeakMap<object, Policy>>> = {
    read: new WeakMap(),
    write: new WeakMap(),
    load: new WeakMap(),
  }

  constructor(base: NamespacePolicy, tierNames: readonly string[]) {
    this.#base = base
    this.#tierNames = tierNames
  }

  of(kind: CallKind, options: CallOptions | undefined): Policy {
    if (options === undefined) return this.#base
    const known = this.#byOptions[kind].get(options)
    if (known !== undefined) return known
    const policy = resolveCall(this.#base, { kind, options, tierNames: this.#tierNames })
    // Only a frozen object is sure to say the same the next time.
    if (Object.isFrozen(options)) this.#byOptions[kind].set(options, policy)
    return policy
  }
}

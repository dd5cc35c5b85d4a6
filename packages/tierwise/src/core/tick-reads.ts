import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { refuseUnsure } from './failure-mode.ts'
import { walkDown, type Doubt, type Found } from './read.ts'

/** What a caller makes of what was found for its key; see `OnFound`. */
export type Use<T> = (key: string, found: Found | undefined, doubt: Doubt) => T

interface Waiter {
  readonly use: Use<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
  readonly next: Waiter | undefined
}

/**
 * Reads of single keys, gathered while the callers of one tick ask: they go down the tiers together, so what a batch
 * costs beyond its keys (guard, deadline, command) is shared by all of them. Each caller has its answer as soon as its own
 * key is found.
 */
export class TickReads {
  #waiting: Map<string, Waiter> | undefined

  find<T>(ns: Namespace, key: string, use: Use<T>): Promise<T> {
    let waiting = this.#waiting
    if (waiting === undefined) {
      waiting = this.#waiting = new Map()
      queueMicrotask(() => this.#send(ns))
    }
    const asked = waiting
    return new Promise<T>((resolve, reject) => {
      asked.set(key, { use, resolve: resolve as Waiter['resolve'], reject, next: asked.get(key) })
    })
  }

  #send(ns: Namespace): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) return
    walkDown({ ns, policy: ns.policy }, [...waiting.keys()], (key, found, doubt) => {
      for (let each = waiting.get(key); each !== undefined; each = each.next) {
        // What a caller does with its answer may fail; that is its own failure, and no other's.
        try {
          each.resolve(each.use(key, found, doubt))
        } catch (error) {
          each.reject(error)
        }
      }
    }).catch((error: unknown) => {
      for (const first of waiting.values()) {
        for (let each: Waiter | undefined = first; each !== undefined; each = each.next) each.reject(error)
      }
    })
  }
}

/** What the caller makes of the best that the tiers hold for one key. */
export function readOne<T>(
  ns: Namespace,
  key: string,
  how: { readonly policy: Policy; readonly use: Use<T> },
): Promise<T> {
  return readsAlike(how.policy, ns.policy) ? ns.reads.find(ns, key, how.use) : readAlone(ns, key, how)
}

/** Whether a read by one policy goes where one by the other does, and fills memory in the same way. */
function readsAlike(one: Policy, other: Policy): boolean {
  return (
    one === other ||
    (one.tiers === other.tiers &&
      one.after === other.after &&
      one.ttlMs === other.ttlMs &&
      one.refreshAhead === other.refreshAhead &&
      one.earlyRefresh === other.earlyRefresh)
  )
}

/** The best that the tiers hold for one key. */
export function readBest(ns: Namespace, key: string, policy: Policy): Promise<Found | undefined> {
  return readOne(ns, key, {
    policy,
    use: (_, found, doubt) => {
      if (found?.isFresh !== true) refuseUnsure(ns, key, doubt)
      return found
    },
  })
}

async function readAlone<T>(
  ns: Namespace,
  key: string,
  { policy, use }: { readonly policy: Policy; readonly use: Use<T> },
): Promise<T> {
  let best: Found | undefined
  let doubt: Doubt = { refused: -Infinity, isUnsure: false }
  await walkDown({ ns, policy }, [key], (_, found, about) => {
    best = found
    doubt = about
  })
  return use(key, best, doubt)
}

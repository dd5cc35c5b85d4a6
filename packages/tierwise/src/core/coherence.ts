import type { Namespace } from './namespace.ts'

/**
 * What a change of a key means inside this process. It is applied twice: before the tiers are told, so that nobody
 * joins or believes anything older from now on, and after the last tier has answered, because in between a reader may
 * have taken the old value from a tier that had not heard of the change yet.
 */
export async function applyChange<T>(
  ns: Namespace,
  versions: ReadonlyMap<string, number>,
  tellTiers: () => Promise<T>,
): Promise<T> {
  for (const [key, version] of versions) {
    interruptLoads(ns, key, version)
    ns.tickets.beginChange(key, version)
  }
  try {
    return await tellTiers()
  } finally {
    for (const [key, version] of versions) endChange(ns, key, version)
  }
}

/** As `applyChange`, for one key. */
export function applyChangeOf<T>(
  ns: Namespace,
  { key, version }: { readonly key: string; readonly version: number },
  tellTiers: () => Promise<T>,
): Promise<T> {
  interruptLoads(ns, key, version)
  ns.tickets.beginChange(key, version)
  let told: Promise<T>
  try {
    told = tellTiers()
  } catch (error) {
    told = Promise.reject(error as Error)
  }
  return told.finally(() => endChange(ns, key, version))
}

/** Nothing that is under way for the key may be joined or stored any more. */
export function interruptLoads(ns: Namespace, key: string, version: number): void {
  ns.flights.detach(key)
  ns.tickets.mark(key, version)
  ns.failures.forget(key)
}

/** The second application. A flight that already runs its loader started it after the change and is spared. */
function endChange(ns: Namespace, key: string, version: number): void {
  announce(ns, key, version)
  ns.flights.detachLookup(key, version)
  ns.tickets.endChange(key, version)
  const held = ns.local?.space.find(key)
  if (held !== undefined && held.version < version) ns.local?.space.delete(key)
}

/** Tells the other instances, where the shared store does not. */
export function announce(ns: Namespace, key: string, version: number): void {
  if (ns.sharing === undefined) return
  ns.engine.fleet?.announce([{ kind: 'key', operation: 'set', key: ns.storageKey(key), version }])
}

/** A change of everything: a clear. */
export function changeAll(ns: Namespace): void {
  ns.flights.detachAll()
  ns.tickets.markAll()
  ns.failures.clear()
  ns.local?.space.clear()
}

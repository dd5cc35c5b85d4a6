import type { BatchLoader, Loader } from '../contract/loader.ts'
import { startBatch } from './batch-load.ts'
import type { Flight, Landing } from './flight.ts'
import { startFlight } from './load.ts'
import type { Namespace } from './namespace.ts'
import { freshInMemory, readMemory } from './memory-read.ts'
import { recordLanding, recordMiss } from './outcome.ts'
import type { Policy } from './policy.ts'
import { refresh } from './refresh.ts'
import { awaitLanding } from './wait.ts'

/** The miss of `getOrSet`, and the hit that needs a second look: refresh-ahead starts here. */
export async function getOrLoad(
  ns: Namespace,
  key: string,
  call: { loader: Loader<unknown>; policy: Policy; signal: AbortSignal | undefined },
): Promise<unknown> {
  const { loader, policy, signal } = call
  const held = policy.forceFresh ? undefined : freshInMemory(ns, key, policy)
  if (held !== undefined) {
    if (ns.now() >= held.reviewAt) refresh(ns, key, { loader, policy })
    return held.value
  }
  const boarded = await board(ns, key, {
    policy,
    signal,
    start: () => startFlight(ns, key, { loader, policy, purpose: 'load' }),
  }).catch((error: unknown) => {
    recordMiss(ns, key)
    throw error
  })
  recordLanding(ns, key, boarded)
  return boarded.landing.value
}

/** The batch form: memory, running flights, then one new batch for the rest. Keys without a value are left out. */
export async function getOrLoadMany(
  ns: Namespace,
  keys: readonly string[],
  call: { loader: BatchLoader<unknown>; policy: Policy; signal: AbortSignal | undefined },
): Promise<Map<string, unknown>> {
  const { loader, policy, signal } = call
  const values = new Map<string, unknown>()
  const missing: string[] = []
  for (const key of new Set(keys)) {
    const held = policy.forceFresh ? undefined : readMemory(ns, key, policy)
    if (held === undefined) missing.push(key)
    else values.set(key, held)
  }
  const toStart = missing.filter((key) => !joinsOthers(policy) || ns.flights.joinable(key) === undefined)
  const started = startBatch(ns, toStart, { loader, policy })
  const startAlone = (key: string): Flight => started.get(key) ?? startBatch(ns, [key], { loader, policy }).get(key)!
  const boarded = missing.map((key) =>
    board(ns, key, { policy, signal, start: () => startAlone(key), own: started.get(key) }),
  )
  // Every wait is observed before the first failure is thrown.
  const settled = await Promise.allSettled(boarded)
  for (const [index, result] of settled.entries()) {
    if (result.status === 'rejected') recordMiss(ns, missing[index]!)
    else recordLanding(ns, missing[index]!, result.value)
  }
  for (const [index, result] of settled.entries()) {
    if (result.status === 'rejected') throw result.reason
    const { value } = result.value.landing
    if (value !== undefined) values.set(missing[index]!, value)
  }
  return values
}

/** A caller that wants something newer than now cannot use a load that is already under way. */
function joinsOthers(policy: Policy): boolean {
  return !policy.forceFresh && policy.after === 0
}

interface Boarding {
  readonly policy: Policy
  readonly signal: AbortSignal | undefined
  readonly start: () => Flight
  /** The flight that was started for this caller already. */
  readonly own?: Flight | undefined
}

/**
 * Joins the running flight of the key or starts one, and waits for it. A caller that came after a tag was invalidated
 * does not accept a value that was read before: which tags a value has is known only when it lands.
 */
async function board(ns: Namespace, key: string, boarding: Boarding): Promise<{ landing: Landing; joined: boolean }> {
  for (let own = boarding.own; ; own = undefined) {
    const boardedAt = ns.tags.now
    const running = own ?? (joinsOthers(boarding.policy) ? ns.flights.joinable(key) : undefined)
    const flight = running ?? boarding.start()
    const landing = await awaitLanding(ns, flight, boarding)
    const isOutdated =
      landing.tags.length > 0 && boardedAt > landing.tagClock && !ns.tags.isCurrent(landing.tags, landing.tagClock)
    if (!isOutdated) return { landing, joined: running !== undefined && own === undefined }
  }
}

import { tracingChannel } from 'node:diagnostics_channel'
import type { TierOperation } from '../contract/events.ts'

/** What a subscriber of `tierwise:load` is given. */
export interface TracedLoad {
  readonly namespace: string
  /** Of a batch, all its keys. */
  readonly keys: readonly string[]
}

/** What a subscriber of `tierwise:tier` is given. */
export interface TracedOperation {
  readonly tier: string
  readonly operation: TierOperation
}

const loads = tracingChannel<unknown, TracedLoad>('tierwise:load')
const operations = tracingChannel<unknown, TracedOperation>('tierwise:tier')

/** Runs a loader inside the tracing channel `tierwise:load` of `node:diagnostics_channel`. */
export function traceLoad<T>(load: TracedLoad, run: () => T | Promise<T>): T | Promise<T> {
  // `tracePromise` wants a promise; a loader may also return, or throw, at once.
  return loads.hasSubscribers ? loads.tracePromise(async () => run(), load) : run()
}

/** Runs an operation of a tier inside the tracing channel `tierwise:tier`. */
export function traceOperation<T>(operation: TracedOperation, run: () => Promise<T>): Promise<T> {
  return operations.hasSubscribers ? operations.tracePromise(run, operation) : run()
}

import {
  createCoordination,
  memoryCoordination,
  type Coordination,
  type CoordinationEvent,
  type CoordinationOptions,
} from '../../../src/coordination/index.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { checkTimers } from '../../../src/testing/invariants.ts'
import { switchableStore, type SwitchableStore } from './switchable-store.ts'

/** A coordination on a store that can be switched off, in a time that stands still. */
export interface PrimitiveWorld extends AsyncDisposable {
  readonly runtime: FakeRuntime
  readonly switched: SwitchableStore
  readonly coordination: Coordination
  readonly events: CoordinationEvent[]
  /** Another process on the same state, as far as the store is concerned. */
  readonly other: Coordination
}

export function primitiveWorld(
  options: Omit<CoordinationOptions, 'store' | 'runtime' | 'onEvent'> = {},
): PrimitiveWorld {
  const runtime = fakeRuntime()
  const inner = memoryCoordination({ runtime })
  const switched = switchableStore(inner)
  const events: CoordinationEvent[] = []
  const onEvent = (event: CoordinationEvent): void => void events.push(event)
  const coordination = createCoordination({ ...options, store: switched.store, runtime, onEvent })
  const other = createCoordination({ ...options, store: switched.store, runtime })
  const stop = async (): Promise<void> => {
    await Promise.all([coordination.stop(), other.stop()])
    await inner.close()
    checkTimers(runtime)
  }
  return { runtime, switched, coordination, other, events, [Symbol.asyncDispose]: stop }
}

/** The code of the error that work ends with. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Error && 'code' in error ? error.code : error
}

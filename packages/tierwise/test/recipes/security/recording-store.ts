import { memoryCoordination, type CoordinationStore } from '../../../src/coordination/index.ts'

/** A store that remembers all that it was ever given, and how often it was asked. */
export interface RecordingStore {
  readonly store: CoordinationStore
  /** All arguments of all steps, as text. */
  seen(): string
  /** The steps, one after the other. */
  readonly steps: string[]
}

export function recordingStore(inner: CoordinationStore = memoryCoordination()): RecordingStore {
  const calls: unknown[] = []
  const steps: string[] = []
  const store = new Proxy(inner, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      return (...args: unknown[]) => {
        if (name !== 'open' && name !== 'close') steps.push(name)
        calls.push(args)
        return Reflect.apply(member, target, args)
      }
    },
  })
  return { store, steps, seen: () => JSON.stringify(calls) }
}

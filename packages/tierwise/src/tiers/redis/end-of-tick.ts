/**
 * Runs `run` once the running tick has nothing left to do: after the promises that are settled now and everything that
 * follows from them, and before the event loop turns.
 *
 * A callback of `nextTick` that is asked for inside a microtask waits for the whole microtask queue. With a plain
 * microtask a batch would leave before callers that are a few awaits behind have asked; with `setImmediate` a lone call
 * would wait for a turn of the event loop.
 */
export function atEndOfTick(run: () => void): void {
  queueMicrotask(() => process.nextTick(run))
}

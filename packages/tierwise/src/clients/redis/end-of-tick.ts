/**
 * Runs `run` once the running tick has nothing left to do, and before the event loop turns: a callback of `nextTick`
 * that is asked for inside a microtask waits for the whole microtask queue.
 */
export function atEndOfTick(run: () => void): void {
  queueMicrotask(() => process.nextTick(run))
}

/**
 * Calls between two processes that both may make, over the channel that `fork` gives them.
 *
 * @typedef {Record<string, (...args: any[]) => unknown>} Handlers
 * @typedef {{ send?: (message: any) => unknown, on: (event: 'message', hear: (message: any) => void) => unknown }} End
 */

/** @param {End} end @param {Handlers} handlers */
export function wire(end, handlers) {
  let last = 0
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map()
  end.on('message', ({ id, call, args, value, error }) => {
    if (call !== undefined) return void answer(end, id, async () => handlers[call]?.(...args))
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) caller?.resolve(value)
    else caller?.reject(new Error(error))
  })
  return {
    /** @param {string} call @param {any[]} args @returns {Promise<any>} */
    ask: (call, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject })
        end.send?.({ id: last, call, args })
      }),
    /** Nobody will answer any more. @param {Error} reason */
    close: (reason) => {
      for (const { reject } of waiting.values()) reject(reason)
      waiting.clear()
    },
  }
}

/** @param {End} end @param {number} id @param {() => Promise<unknown>} work */
async function answer(end, id, work) {
  try {
    end.send?.({ id, value: await work() })
  } catch (error) {
    end.send?.({ id, error: String(error) })
  }
}

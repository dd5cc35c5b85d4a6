import type { RedisLink } from '../link.ts'
import type { RedisArgument } from '../port.ts'

/** A link to one server, on which no key has to say where a command goes. */
export interface RedisLinkOfOne extends Pick<RedisLink, 'start' | 'watch' | 'destroy'> {
  send(args: readonly RedisArgument[]): Promise<unknown>
}

/**
 * Starts a link and settles with the first outcome. What fails after that goes to what `watched` returns, which is given
 * the end of the watching.
 */
export function firstOutcome(
  link: RedisLinkOfOne,
  watched: (unwatch: () => void) => (reason: unknown) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isSettled = false
    const unwatch = link.watch({
      ready: () => {
        isSettled = true
        resolve()
      },
      failed: (error) => {
        if (isSettled) failed(error)
        isSettled = true
        reject(error instanceof Error ? error : new Error('The connection was closed.'))
      },
    })
    const failed = watched(unwatch)
    link.start()
  })
}

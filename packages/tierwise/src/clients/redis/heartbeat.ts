import { withDeadline } from '../../base/deadline.ts'
import type { Timers } from '../../contract/runtime.ts'
import type { Heartbeat } from './connection.ts'
import type { LinkNode, RedisLink } from './link.ts'

/**
 * Asks every open connection for an answer, on an interval, and drops one that gives none in time.
 *
 * When a host or a router on the way dies without a word, the system goes on taking bytes for many minutes and no
 * package notices: all of them wait for an event of the socket.
 */
export function startHeartbeat(link: RedisLink, options: Heartbeat & { readonly timers: Timers }): () => void {
  const asked = new Set<string>()
  const beat = async (node: LinkNode): Promise<void> => {
    if (asked.has(node.address)) return
    asked.add(node.address)
    try {
      const late = { timers: options.timers, error: () => new SilentError() }
      await withDeadline(node.send(['PING']), options.timeoutMs, late)
    } catch (error) {
      // Any other answer shows that somebody is there, or that the client has noticed by itself.
      if (error instanceof SilentError) node.renew()
    } finally {
      asked.delete(node.address)
    }
  }
  const timer = options.timers.every(options.intervalMs, () => {
    if (link.isReady) for (const node of link.connections()) void beat(node)
  })
  return () => timer.cancel()
}

class SilentError extends Error {}

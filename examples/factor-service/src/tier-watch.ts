import type { BreakerReason, CacheManager } from 'tierwise'

/** How often a lost tier is looked after, in milliseconds. */
const interval = 1000

/**
 * Tells once that a tier is lost and once that it is back. A lost tier is asked now and then, so that it is used again
 * also when no client happens to need it. Returns the function that ends the watch.
 */
export function watchTiers(manager: CacheManager, tell: (line: string) => void): () => void {
  const lost = new Set<string>()
  const lastFailure = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined

  const lose = (tier: string, reason: string): void => {
    if (lost.has(tier)) return
    lost.add(tier)
    tell(`Tier ${tier} is out of reach (${reason}). Serving without it until it is back.`)
    timer ??= setInterval(() => void look(), interval).unref()
  }
  const look = async (): Promise<void> => {
    const { tiers, state } = await manager.health({ deep: true })
    if (state === 'stopped') return
    for (const { name, breaker, breakers, usage } of tiers) {
      // The breaker of writes stays as it is until somebody writes.
      if ((breakers?.read ?? breaker) !== 'closed' || usage === undefined || !lost.delete(name)) continue
      tell(`Tier ${name} is back.`)
    }
    if (lost.size === 0) stop()
  }
  const stop = (): void => {
    clearInterval(timer)
    timer = undefined
  }

  const endings = [
    manager.on('tier-error', ({ tier, operation, error }) => {
      lastFailure.set(tier, inOneLine(error))
      if (operation === 'open') lose(tier, inOneLine(error))
    }),
    manager.on('breaker', ({ tier, state, reason }) => {
      if (state === 'open') lose(tier, whyOpened(reason, lastFailure.get(tier)))
    }),
    stop,
  ]
  return () => {
    for (const end of endings) end()
  }
}

function whyOpened(reason: BreakerReason, lastFailure: string | undefined): string {
  return reason === 'silence' || lastFailure === undefined ? 'it does not answer' : lastFailure
}

/** An error for several addresses of one host has a code and no message. */
function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, code = error.name } = error as NodeJS.ErrnoException
  return (message === '' ? code : message).replaceAll(/\s+/g, ' ').replace(/\.$/, '')
}

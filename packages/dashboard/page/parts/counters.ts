import type { WindowCounters, WindowName } from 'tierwise'
import type { NamespaceView, Picture } from '../../src/wire.ts'

/** Counters and the time that they cover. */
export interface Counted {
  readonly counters: Omit<WindowCounters, 'hitRate'>
  readonly hitRate: number | undefined
  readonly coveredMs: number
  /** For example 'last 15m'. */
  readonly words: string
}

/** Of the window; of everything since the start where the cache keeps no windows. */
export function countersOf(picture: Picture, window: WindowName): Counted {
  const view = picture.windows?.[window]
  if (view === undefined)
    return {
      counters: picture.overall,
      hitRate: picture.hitRate,
      coveredMs: picture.at - picture.since,
      words: 'since the start',
    }
  return { counters: view.overall, hitRate: view.overall.hitRate, coveredMs: view.coveredMs, words: `last ${window}` }
}

const unused = {
  gets: 0,
  hits: 0,
  staleHits: 0,
  misses: 0,
  loads: 0,
  loadFailures: 0,
  invalidations: 0,
  foreignChanges: 0,
}

/** The same for one namespace; it is not told of those that were not used in the window. */
export function namespaceCounters(
  picture: Picture,
  { windows, stats }: NamespaceView,
  window: WindowName,
): Pick<WindowCounters, keyof typeof unused> & { readonly hitRate: number | undefined } {
  const counted = picture.windows === undefined ? stats : windows[window]
  if (counted === undefined) return { ...unused, hitRate: undefined }
  const { gets, hits, staleHits } = counted
  return { ...counted, hitRate: gets === 0 ? undefined : (hits + staleHits) / gets }
}

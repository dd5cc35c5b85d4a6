import { seededRandom } from 'tierwise/testing'

import type { FactorRequest } from './factor-key.ts'
import type { FactorSource, SourceMode } from './factor-source.ts'
import type { Progress } from './progress.ts'
import { Tally } from './tally.ts'
import type { TallyResult } from './tally.ts'
import type { TierOutage } from './tier-outage.ts'
import { sendTraffic } from './traffic.ts'

export interface DemoOptions {
  readonly origin: string
  readonly source: FactorSource
  /** Takes Redis away, when there is one. */
  readonly redisOutage: TierOutage | undefined
  readonly seconds: number
  readonly signal: AbortSignal
  readonly progress: Progress
}

export interface DemoResult extends TallyResult {
  readonly sourceReads: number
}

const regionsPerSecond = 15
// A minute at 200 requests a second, in a quarter of the time.
const requestsPerSecond = 800

interface Act {
  readonly title: string
  /** Share of the requests after which it begins. */
  readonly after: number
  readonly source: SourceMode
  readonly redis?: 'gone' | 'back'
  readonly announcement: string
}

const acts: readonly Act[] = [
  { title: 'Source healthy', after: 0, source: 'normal', announcement: 'it answers in 100 to 500 ms' },
  { title: 'Redis gone', after: 0.25, source: 'normal', redis: 'gone', announcement: 'it answers nothing (simulated)' },
  { title: 'Redis back', after: 0.35, source: 'normal', redis: 'back', announcement: 'it is found again by a probe' },
  { title: 'Source stalled', after: 0.5, source: 'stalled', announcement: 'it takes reads and answers none' },
  { title: 'Source down', after: 0.7, source: 'failing', announcement: 'it refuses every read' },
  { title: 'Source back', after: 0.9, source: 'normal', announcement: 'stale factors are read anew' },
]

/**
 * The factors that are asked for, most popular first: few enough that each has been met before the source goes. For
 * every third region the marginal factor is among them.
 */
export function demoFactors(source: FactorSource, seconds: number): readonly FactorRequest[] {
  const shuffled = seededRandom(7).shuffle(source.regions('average'))
  const withMarginal = new Set(source.regions('marginal'))
  return shuffled.slice(0, seconds * regionsPerSecond).flatMap((region, index): readonly FactorRequest[] => {
    const average = { activity: 'electricity', region } as const
    return index % 3 === 0 && withMarginal.has(region) ? [average, { ...average, method: 'marginal' }] : [average]
  })
}

export function demoRequests(seconds: number): number {
  return seconds * requestsPerSecond
}

/** Plays the traffic in `seconds`, while the source stalls, dies and comes back. */
export async function playDemo(options: DemoOptions): Promise<DemoResult> {
  const { source, redisOutage, seconds, progress } = options
  const factors = demoFactors(source, seconds)
  const requests = demoRequests(seconds)
  const played = acts.filter(({ redis }) => redis === undefined || redisOutage !== undefined)
  const schedule = played.map((act) => ({ ...act, from: Math.floor(act.after * requests) }))
  const tally = new Tally(schedule, factors.length)
  const readsBefore = source.reads
  const enter = (act: Act): void => {
    source.switchTo(act.source)
    if (act.redis === 'gone') redisOutage?.begin()
    if (act.redis === 'back') redisOutage?.end()
    progress.announce(`${act.title}: ${act.announcement}`)
  }
  progress.start(requests)
  await sendTraffic({
    ...options,
    factors,
    requests,
    seed: 42,
    onSend: (index) => {
      const act = schedule.find(({ from }) => from === index)
      if (act !== undefined) enter(act)
    },
    onAnswer: (answer) => {
      tally.add(answer)
      progress.advance()
    },
  })
  progress.stop()
  source.switchTo('normal')
  redisOutage?.end()
  return { ...tally.result(), sourceReads: source.reads - readsBefore }
}

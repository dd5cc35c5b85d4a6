import { seededRandom } from 'tierwise/testing'

import type { FactorSource, SourceMode } from './factor-source.ts'
import type { Progress } from './progress.ts'
import { Tally } from './tally.ts'
import type { TallyResult } from './tally.ts'
import { sendTraffic } from './traffic.ts'

export interface DemoOptions {
  readonly origin: string
  readonly source: FactorSource
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
  readonly mode: SourceMode
  readonly announcement: string
}

const acts: readonly Act[] = [
  { title: 'Source healthy', after: 0, mode: 'normal', announcement: 'it answers in 100 to 500 ms' },
  { title: 'Source stalled', after: 0.5, mode: 'stalled', announcement: 'it takes reads and answers none' },
  { title: 'Source down', after: 0.7, mode: 'failing', announcement: 'it refuses every read' },
  { title: 'Source back', after: 0.9, mode: 'normal', announcement: 'stale factors are read anew' },
]

/** The regions that are asked for: few enough that each has been met before the source goes. */
export function demoRegions(source: FactorSource, seconds: number): readonly string[] {
  const shuffled = seededRandom(7).shuffle(source.regions('average'))
  return shuffled.slice(0, seconds * regionsPerSecond)
}

export function demoRequests(seconds: number): number {
  return seconds * requestsPerSecond
}

/** Plays the traffic in `seconds`, while the source stalls, dies and comes back. */
export async function playDemo(options: DemoOptions): Promise<DemoResult> {
  const { source, seconds, progress } = options
  const regions = demoRegions(source, seconds)
  const requests = demoRequests(seconds)
  const schedule = acts.map((act) => ({ ...act, from: Math.floor(act.after * requests) }))
  const tally = new Tally(schedule, regions.length)
  const readsBefore = source.reads
  progress.start(requests)
  await sendTraffic({
    ...options,
    regions,
    requests,
    seed: 42,
    onSend: (index) => {
      const act = schedule.find(({ from }) => from === index)
      if (act === undefined) return
      source.switchTo(act.mode)
      progress.announce(`${act.title}: ${act.announcement}`)
    },
    onAnswer: (answer) => {
      tally.add(answer)
      progress.advance()
    },
  })
  progress.stop()
  source.switchTo('normal')
  return { ...tally.result(), sourceReads: source.reads - readsBefore }
}

import { applyChange, resync } from './instance.ts'
import type { Moment, World } from './world.ts'

/** Messages on their way to instance `i` in one lane, and the poll that finds out what never arrived. */
export function busSteps(moment: Moment, i: number, lane: number): void {
  deliver(moment, i, lane)
  poll(moment, i, lane)
}

function deliver({ w, s, take }: Moment, i: number, lane: number): void {
  const { queue, last } = s.instances[i]!
  const seq = queue[lane]![0]
  if (seq === undefined) return
  // With one counter for all lanes, a number says nothing about what is missing in its own lane.
  const expected = 1 + (w.rules.countsEachLane ? last[lane]! : Math.max(...last))
  const what = `change ${seq} of lane ${lane}`
  if (s.losses > 0)
    take(`${what} is lost on its way to ${i}`, (next) => {
      next.losses--
      next.instances[i]!.queue[lane]!.shift()
    })
  if (seq > expected && w.rules.detectsGaps) {
    for (const fromLog of answers(w))
      take(`${i} receives ${what} after a gap and ${fromLog ? 'reads the log' : 'flushes the lane'}`, (next) => {
        next.instances[i]!.queue[lane]!.shift()
        resync(w, next, { instance: i, lane, seq, fromLog })
      })
    return
  }
  take(`${i} receives ${what}`, (next) => {
    next.instances[i]!.queue[lane]!.shift()
    if (seq < expected) return
    applyChange(w, next, { i, change: next.lanes[lane]!.log[seq - 1]! })
    if (w.rules.countsEachLane) next.instances[i]!.last[lane] = seq
    else next.instances[i]!.last.fill(seq)
  })
}

/** After a gap the log may or may not reach back far enough. */
const answers = (w: World): readonly boolean[] => (w.rules.resync === 'flush' ? [false] : [false, true])

/** The answer of the authority takes its time, so messages may overtake it. */
function poll({ w, s, take }: Moment, i: number, lane: number): void {
  if (!w.polls || (lane > 0 && !w.rules.pollsEachLane)) return
  const { last, poll: polls } = s.instances[i]!
  const seq = s.lanes[lane]!.log.length
  if (polls[lane] === 0 && last[lane]! < seq)
    take(`${i} polls lane ${lane}, which is at ${seq}`, (next) => void (next.instances[i]!.poll[lane] = seq))
  const answer = polls[lane]!
  if (answer === 0) return
  if (last[lane]! >= answer) {
    take(`${i} is up to date with its poll of lane ${lane}`, (next) => void (next.instances[i]!.poll[lane] = 0))
    return
  }
  for (const fromLog of answers(w))
    take(`${i} is behind its poll of lane ${lane} and ${fromLog ? 'reads the log' : 'flushes the lane'}`, (next) => {
      next.instances[i]!.poll[lane] = 0
      resync(w, next, { instance: i, lane, seq: answer, fromLog })
    })
}

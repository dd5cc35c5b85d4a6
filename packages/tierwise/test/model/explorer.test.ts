import { describe, expect, it } from 'vitest'
import { explore, type Model } from './explorer.ts'

interface Walk {
  at: number
  log: number[]
}

/** From 0 in steps of 1 or 3 up to 9. */
const walk = (isWrong: (at: number) => boolean): Model<Walk> => ({
  initial: { at: 0, log: [] },
  steps({ at }, take) {
    for (const by of [1, 3]) if (at + by <= 9) take(`by ${by}`, (next) => void (next.at += by))
  },
  flaw: ({ at }) => (isWrong(at) ? `reached ${at}` : undefined),
  isRest: ({ at }) => at === 9,
})

describe('explore', () => {
  it('visits each state once', () => {
    expect(explore(walk(() => false))).toEqual({ states: 10, rests: 1 })
  })

  it('finds the shortest way to a broken promise', () => {
    const { flaw } = explore(walk((at) => at === 7))
    expect(flaw?.promise).toBe('reached 7')
    expect(flaw?.trace.toSorted()).toEqual(['by 1', 'by 3', 'by 3'])
  })

  it('ends with the step that broke a promise by itself', () => {
    const model = walk(() => false)
    const { flaw } = explore({
      ...model,
      steps(state, take) {
        model.steps(state, take)
        if (state.at === 1) take('slips', () => 'slipped')
      },
    })
    expect(flaw).toEqual({ promise: 'slipped', trace: ['by 1', 'slips'] })
  })

  it('refuses to stop half way', () => {
    expect(() =>
      explore(
        walk(() => false),
        5,
      ),
    ).toThrow('more than 5 states')
  })

  it('refuses numbers that do not fit into a code', () => {
    const model: Model<Walk> = {
      ...walk(() => false),
      steps: (_state, take) => take('too far', (next) => void (next.at = 300)),
    }
    expect(() => explore(model)).toThrow('300 is no number of a state')
  })
})

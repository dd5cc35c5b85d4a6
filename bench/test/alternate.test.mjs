import { describe, expect, test } from 'vitest'
import { alternate, Disagreement, quickPace } from '../lib/alternate.mjs'
import { ratio } from '../lib/figures.mjs'
import { seededRandom, zipfRanks } from '../lib/random.mjs'
import { speedRows } from '../lib/result.mjs'

describe('alternate', () => {
  test('gives every contestant one speed a round', async () => {
    const speeds = await alternate([agreeing('one'), agreeing('two')], { ...quickPace, rounds: 4 })
    expect([...speeds.keys()]).toEqual(['one', 'two'])
    for (const rounds of speeds.values()) expect(rounds).toHaveLength(4)
  })

  test('refuses to time contestants that read something different', async () => {
    const astray = { name: 'astray', pass: async () => 43 }
    await expect(alternate([agreeing('one'), astray], quickPace)).rejects.toThrow(Disagreement)
  })

  test('refuses a contestant that goes wrong only later', async () => {
    let passes = 0
    const late = { name: 'late', pass: () => (++passes > 2 ? 43 : 42) }
    await expect(alternate([agreeing('one'), late], { ...quickPace, turnMs: 0, warmUpMs: 0 })).rejects.toThrow(
      Disagreement,
    )
  })

  test('refuses a contestant that goes wrong in a pass that is not timed', async () => {
    let passes = 0
    const early = { name: 'early', pass: () => (++passes === 1 ? 43 : 42) }
    await expect(alternate([agreeing('one'), early], { ...quickPace, turnMs: 0, warmUpMs: 0 })).rejects.toThrow(
      Disagreement,
    )
  })

  test('compares what verify reads when a contestant writes', async () => {
    const forgetful = { name: 'forgetful', pass: () => 42, verify: () => 0 }
    await expect(alternate([agreeing('one'), forgetful], quickPace)).rejects.toThrow(Disagreement)
  })

  test('reads back what was written once a timed turn, and not after the passes before it', async () => {
    const { passes, reads, contestant, clock } = writer({ passMs: 10 })
    await alternate([contestant], { rounds: 3, turnMs: 20, warmUpMs: 30, settleMs: 40, nowMs: clock })
    expect([passes(), reads()]).toEqual([3 + 3 * (4 + 2), 3])
  })

  test('starts no round later than the budget, but three in any case', async () => {
    const pace = { rounds: 9, turnMs: 20, warmUpMs: 0, settleMs: 0 }
    const roundsWithin = async (/** @type {number} */ budgetMs) => {
      const { contestant, clock } = writer({ passMs: 1000 })
      return (await alternate([contestant], { ...pace, budgetMs, nowMs: clock })).get('writer')?.length
    }
    expect([await roundsWithin(10), await roundsWithin(4500), await roundsWithin(60_000)]).toEqual([3, 5, 9])
  })

  test('spares who is slow the untimed passes before each turn', async () => {
    const { passes, contestant, clock } = writer({ passMs: 1000 })
    await alternate([contestant], { rounds: 3, turnMs: 20, warmUpMs: 30, settleMs: 40, nowMs: clock })
    expect(passes()).toBe(1 + 3)
  })
})

describe('speedRows', () => {
  const speeds = new Map([
    ['ours', [8, 6, 30]],
    ['theirs', [4, 4, 10]],
  ])

  test('takes the median of the ratios round by round', () => {
    expect(ratio([8, 6, 30], [4, 4, 10])).toEqual({ median: 2, min: 1.5, max: 3 })
  })

  test('passes a claim that is reached and misses one that is not', () => {
    const claims = [1.9, 2.1].map((atLeast) => ({ name: 'ours', against: 'theirs', atLeast }))
    const rows = speedRows(speeds, { operations: 1e6, claims })
    expect(rows.map(({ pass }) => pass)).toEqual([undefined, true, false, undefined])
  })

  test('refuses a claim about somebody who did not run', () => {
    const claims = [{ name: 'ours', against: 'nobody' }]
    expect(() => speedRows(speeds, { operations: 1, claims })).toThrow(RangeError)
  })
})

describe('zipfRanks', () => {
  test('draws the same ranks for the same seed, the first most often', () => {
    const draw = () => zipfRanks(5000, { universe: 100, skew: 1 }, seededRandom(3))
    const ranks = draw()
    expect(draw()).toEqual(ranks)
    const share = (/** @type {number} */ rank) => ranks.filter((each) => each === rank).length / ranks.length
    // The shares that the law gives: 1 / (rank + 1) / H(100), H(100) = 5.187.
    expect(Math.abs(share(0) - 0.193)).toBeLessThan(0.03)
    expect(Math.abs(share(1) - 0.096)).toBeLessThan(0.03)
  })
})

/** @param {string} name */
function agreeing(name) {
  return { name, pass: async () => 42 }
}

/** A contestant who only writes, by a clock that moves with its passes alone. @param {{ passMs: number }} speed */
function writer({ passMs }) {
  let passes = 0
  let reads = 0
  const contestant = { name: 'writer', pass: () => void passes++, verify: () => void reads++ }
  return { contestant, clock: () => passes * passMs, passes: () => passes, reads: () => reads }
}

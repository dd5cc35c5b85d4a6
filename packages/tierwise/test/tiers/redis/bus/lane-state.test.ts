import { expect, it } from 'vitest'
import { LaneState } from '../../../../src/tiers/redis/bus/lane-state.ts'

const message = (sequence: number) => ({ sequence, id: `id${sequence}`, before: `id${sequence - 1}` })

it('remembers the latest points, and only with their ids', () => {
  const state = new LaneState()
  state.adopt({ sequence: 0, id: 'id0' })
  for (let i = 1; i <= 2000; i++) expect(state.accept(message(i))).toBe('next')
  expect(state.hasReached({ sequence: 2000, id: 'id2000' })).toBe(true)
  expect(state.hasReached({ sequence: 977, id: 'id977' })).toBe(true)
  expect(state.hasReached({ sequence: 976, id: 'id976' })).toBe(false)
  expect(state.hasReached({ sequence: 1999, id: 'another' })).toBe(false)
  expect(state.accept(message(976))).toBe('known')
})

it('forgets what it remembered with the history that it belonged to', () => {
  const state = new LaneState()
  state.adopt({ sequence: 0, id: 'id0' })
  for (let i = 1; i <= 5; i++) state.accept(message(i))
  state.adopt({ sequence: 9, id: 'other' })
  expect(state.hasReached({ sequence: 5, id: 'id5' })).toBe(false)
  expect(state.accept({ ...message(5), id: 'of the other history' })).toBe('known')
})

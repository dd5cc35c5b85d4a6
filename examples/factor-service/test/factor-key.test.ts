import { describe, expect, test } from 'vitest'

import { factorKey } from '../src/factor-key.ts'

describe('factorKey', () => {
  test('names everything that changes the answer', () => {
    const key = factorKey({ activity: 'electricity', region: 'FRA', method: 'marginal', year: 2021 })
    expect(key).toBe('electricity:FRA:marginal:gco2e_per_kwh:2021')
  })

  test('fills in the defaults', () => {
    expect(factorKey({ activity: 'electricity', region: 'FRA' })).toBe('electricity:FRA:average:gco2e_per_kwh:latest')
  })

  test('is the same for all spellings of a region', () => {
    const keys = ['Middle East', ' MIDDLE_EAST', 'middle  east'].map((region) =>
      factorKey({ activity: 'electricity', region }),
    )
    expect(new Set(keys).size).toBe(1)
  })

  test('cannot be steered into another part by a region', () => {
    expect(factorKey({ activity: 'electricity', region: 'FRA:marginal' })).toBe(
      'electricity:FRA_MARGINAL:average:gco2e_per_kwh:latest',
    )
  })
})

import { describe, expect, test } from 'vitest'
import { isolateIn, isolateOut } from '../../src/core/isolation.ts'

describe('freeze', () => {
  test('freezes what is inside an object that was frozen before', () => {
    const value = Object.freeze({ list: [{ n: 1 }], bytes: Buffer.from('a') })
    expect(isolateIn(value, 'freeze')).toBe(value)
    expect(Object.isFrozen(value.list)).toBe(true)
    expect(Object.isFrozen(value.list[0])).toBe(true)
  })

  test('comes to an end for a value that contains itself', () => {
    const value: { self?: unknown } = {}
    value.self = value
    expect(isolateIn(value, 'freeze')).toBe(value)
    expect(Object.isFrozen(value)).toBe(true)
  })
})

describe('share', () => {
  test('hands the very object in and out, as it is', () => {
    const value = { n: 1 }
    expect(isolateOut(isolateIn(value, 'share'), 'share')).toBe(value)
    expect(Object.isFrozen(value)).toBe(false)
  })
})

describe('clone', () => {
  test('copies on the way in and again on the way out', () => {
    const value = { list: [1] }
    const held = isolateIn(value, 'clone')
    const given = isolateOut(held, 'clone')
    expect([held, given]).toEqual([value, value])
    expect(new Set([value, held, given]).size).toBe(3)
  })
})

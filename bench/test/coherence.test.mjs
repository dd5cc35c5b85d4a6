import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { eachOf } from '../coherence/redis-meter.mjs'
import { Source } from '../coherence/source.mjs'
import { staleRow } from '../coherence/stale-reads.mjs'
import { wire } from '../coherence/wire.mjs'

describe('staleRow', () => {
  const quiet = { reads: 100, old: 0, lastOldAt: 0, endedOld: false, failed: 0, unanswered: 0 }
  const stale = { ...quiet, old: 7, lastOldAt: 3500 }
  const options = { since: 1000, atMost: 2 }

  test('counts from the change to the last old answer of anybody', () => {
    const row = staleRow('tierwise', { each: [quiet, stale, { ...stale, lastOldAt: 1200 }], loads: 1 }, options)
    expect(row).toMatchObject({ value: 2.5, pass: false, note: '2 of 3 processes; 1 load' })
  })

  test('says who is stale still, and what had no answer', () => {
    const each = [quiet, { ...stale, endedOld: true, unanswered: 2, failed: 1 }]
    expect(staleRow('BentoCache', { each, loads: 2 }, options)).toEqual({
      name: 'BentoCache',
      value: 2.5,
      unit: 's stale',
      note: '1 of 2 processes, 1 of them still when the watch ended; 2 loads; 1 of 200 reads failed; 2 of 200 reads hung',
    })
  })

  test('is zero when the old answers came before the change', () => {
    const row = staleRow('tierwise', { each: [{ ...stale, lastOldAt: 900 }], loads: 0 }, options)
    expect(row).toMatchObject({ value: 0, pass: true, note: 'nobody; 0 loads' })
  })
})

describe('eachOf', () => {
  test('takes the idle traffic of the same time away, and no more than there is', () => {
    const idle = { commands: 10, messages: 0, bytesIn: 100, bytesOut: 1000, ms: 1000 }
    const busy = { commands: 205, messages: 100, bytesIn: 40, bytesOut: 2500, ms: 500 }
    expect(eachOf(busy, { idle, count: 100 })).toEqual({ commands: 2, messages: 1, bytesIn: 0, bytesOut: 20 })
  })
})

describe('Source', () => {
  test('answers what it held when it was asked, however long that takes', async () => {
    const source = new Source()
    source.set('steel', 1)
    const gate = source.gate('steel')
    const loading = source.load('steel')
    await gate.reached
    source.set('steel', 2)
    gate.open()
    expect([await loading, await source.load('steel'), source.loads]).toEqual([1, 2, 2])
  })
})

describe('wire', () => {
  test('carries calls, answers and errors both ways, and ends with a reason', async () => {
    const [here, there] = [new EventEmitter(), new EventEmitter()]
    const ends = [here, there].map((end, at) => ({
      on: (/** @type {string} */ event, /** @type {(message: any) => void} */ hear) => end.on(event, hear),
      send: (/** @type {any} */ message) => [there, here][at]?.emit('message', structuredClone(message)),
    }))
    const double = (/** @type {number} */ value) => 2 * value
    const refuse = () => Promise.reject(new Error('no'))
    const [first, second] = ends.map((end) => wire(end, { double, refuse, never: () => new Promise(() => {}) }))
    expect([await first?.ask('double', 4), await second?.ask('double', 5)]).toEqual([8, 10])
    await expect(first?.ask('refuse')).rejects.toThrow('no')
    const waiting = first?.ask('never')
    first?.close(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
  })
})

import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/errors.ts'
import { memory, type MemoryOptions } from '../../../src/tiers/memory/index.ts'
import { usedBytes } from './heap.ts'
import { openMemory } from './memory-session.ts'

describe('memory', () => {
  it('describes a tier of 100 MB named memory unless told otherwise', () => {
    const { tier } = openMemory()
    expect(memory().name).toBe('memory')
    expect(memory({ name: 'near' }).name).toBe('near')
    expect(tier.usage()).toEqual({ entries: 0, bytes: 0, maxBytes: 100 * 1024 ** 2 })
    expect(openMemory({ maxBytes: '1kb' }).tier.usage().maxBytes).toBe(1024)
  })

  it('refuses limits that are no positive amounts, and names the option', () => {
    const wrong = [
      { maxBytes: 0 },
      { maxBytes: -1 },
      { maxBytes: '10 apples' },
      { maxEntries: 0 },
      { maxEntries: 1.5 },
      { maxEntries: Number.NaN },
    ] as readonly MemoryOptions[]
    for (const options of wrong) {
      const [name = ''] = Object.keys(options)
      expect(() => memory(options)).toThrow(ConfigError)
      expect(() => memory(options)).toThrow(name)
    }
  })

  it.each([
    [{ maxByte: '1mb' }, '`memory.maxByte` is not an option. Did you mean `maxBytes`?'],
    [{ name: '' }, "`memory.name` is ''; it must be a text that is not empty."],
    [null, '`memory` is null; it must be an object of options.'],
  ])('refuses %j', (options, message) => {
    expect(() => memory(options as MemoryOptions)).toThrow(message)
  })

  it('makes a tier of its own for each manager', () => {
    const definition = memory()
    const { runtime } = openMemory()
    const context = {
      name: 'memory',
      prefix: 'tw',
      report: () => {},
      ...runtime,
      clock: runtime.clock,
      timers: runtime.timers,
    }
    expect(definition.create({ ...context, random: runtime.random })).not.toBe(
      definition.create({ ...context, random: runtime.random }),
    )
  })

  it('costs kilobytes while it is empty, whatever its budget', () => {
    const tags = openMemory().tags
    const before = usedBytes()
    const sessions = Array.from({ length: 20 }, () => openMemory({ maxBytes: '1gb' }))
    const spaces = sessions.map(({ tier }) => tier.space({ namespace: 'users', tagClock: tags }))
    expect((usedBytes() - before) / spaces.length).toBeLessThan(16_000)
  })

  it('spends at most 85 bytes an entry beyond key and value, as the engine stores them', () => {
    const count = 250_000
    const { open, entry, runtime } = openMemory({ maxEntries: count, maxBytes: '4gb' })
    const space = open()
    const keys = Array.from({ length: count * 1.02 }, (_, id) => Buffer.from(`user:${id}`).toString('latin1'))
    const now = runtime.clock.now()
    const before = usedBytes()
    for (const [id, key] of keys.entries()) {
      const freshUntil = now + 3_600_000 + id
      const head = { version: now * 1000 + id, createdAt: now + id / 1000, freshUntil, usableUntil: freshUntil }
      space.set(key, entry(1, head), freshUntil)
    }
    expect((usedBytes() - before) / space.size).toBeLessThan(85)
    expect(keys.length).toBeGreaterThan(count)
  })
})

import { describe, expect, it } from 'vitest'
import { checkInvariants } from '../../../src/tiers/memory/invariants.ts'
import { openMemory } from './memory-session.ts'

describe('memory space', () => {
  it('gives versions back exactly and instants to the millisecond, whatever their distance', () => {
    const session = openMemory()
    const space = session.open()
    const now = session.runtime.clock.now()
    const heads = [
      { version: now * 1000 + 7, createdAt: now },
      { version: 1, createdAt: now - 90 * 86_400_000 },
      { version: Number.MAX_SAFE_INTEGER, createdAt: now + 0.75 },
      { version: (now - 3_600_000) * 1000, createdAt: now },
    ]
    for (const [id, head] of heads.entries()) space.set(`k${id}`, session.entry(id, head), Infinity)
    for (const [id, { version, createdAt }] of heads.entries()) {
      expect(space.find(`k${id}`)).toMatchObject({ version, createdAt: Math.floor(createdAt) })
    }
  })

  it('gives life, load time and size back when only some entries have them', () => {
    const session = openMemory()
    const space = session.open()
    const now = session.runtime.clock.now()
    space.set('plain', session.entry(1, { freshUntil: now + 10, usableUntil: now + 10 }), now + 10)
    const rich = { freshUntil: now + 20, usableUntil: now + 30, loadMs: 12, sizeBytes: 345, tags: ['red'] }
    space.set('rich', session.entry(2, rich), now + 5)
    expect(space.find('rich')).toMatchObject({ ...rich, reviewAt: now + 5 })
    const plain = { freshUntil: now + 10, usableUntil: now + 10, reviewAt: now + 10, loadMs: 0, sizeBytes: 0, tags: [] }
    expect(space.find('plain')).toMatchObject(plain)
    space.set('rich', session.entry(3), Infinity)
    expect(space.find('rich')).toMatchObject({ freshUntil: Infinity, loadMs: 0, sizeBytes: 0, tags: [] })
  })

  it('asks the tag clock once per entry and movement', () => {
    const session = openMemory()
    const space = session.open()
    space.set('tagged', session.entry(1, { tags: ['red'] }), Infinity)
    space.set('plain', session.entry(2), Infinity)
    for (let round = 0; round < 100; round++) expect([space.read('tagged'), space.read('plain')]).toEqual([1, 2])
    expect(session.tags.asked).toBe(1)
    session.tags.invalidate('blue')
    for (let round = 0; round < 100; round++) space.read('tagged')
    expect(session.tags.asked).toBe(2)
    session.tags.invalidate('red')
    expect([space.read('tagged'), space.read('plain')]).toEqual([undefined, 2])
  })

  it('drops what a tag invalidated once it is looked for', () => {
    const session = openMemory()
    const space = session.open()
    space.set('tagged', session.entry(1, { tags: ['red'] }), Infinity)
    session.tags.invalidate('red')
    expect([...space.keys()]).toEqual([])
    expect(space.find('tagged')).toBeUndefined()
    expect(space.size).toBe(0)
    checkInvariants(session.tier)
  })

  it('says that it held nothing when it deletes a dead or invalidated entry', async () => {
    const session = openMemory()
    const space = session.open()
    const soon = session.runtime.clock.now() + 100
    space.set('dead', session.entry(1, { freshUntil: soon, usableUntil: soon }), soon)
    space.set('invalid', session.entry(1, { tags: ['red'] }), Infinity)
    session.tags.invalidate('red')
    await session.runtime.advance(100)
    expect([space.delete('dead'), space.delete('invalid'), space.size]).toEqual([false, false, 0])
  })

  it('stops listing when it is cleared meanwhile, even if the same keys come back', () => {
    const session = openMemory()
    const space = session.open()
    for (let id = 0; id < 10; id++) space.set(`k${id}`, session.entry(id), Infinity)
    const listed: string[] = []
    for (const key of space.keys()) {
      listed.push(key)
      if (listed.length > 1) continue
      space.clear()
      space.set('k5', session.entry('new'), Infinity)
    }
    expect(listed).toEqual(['k0'])
  })

  it('takes nothing once it is closed', () => {
    const session = openMemory()
    const space = session.open()
    space.set('k', session.entry(1), Infinity)
    session.tier.close()
    expect([space.set('k', session.entry(2), Infinity), space.read('k'), space.size]).toEqual([false, undefined, 0])
    expect(session.tier.usage()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('lets go of values that were deleted, replaced or cleared', async () => {
    const session = openMemory()
    const space = session.open()
    const references: WeakRef<object>[] = []
    const put = (key: string) => {
      const value = { key }
      references.push(new WeakRef(value))
      space.set(key, session.entry(value), Infinity)
    }
    for (const key of ['deleted', 'replaced', 'replaced', 'cleared']) put(key)
    space.delete('deleted')
    space.clear()
    const { usedBytes } = await import('./heap.ts')
    await session.runtime.settle()
    usedBytes()
    expect(references.map((reference) => reference.deref())).toEqual([undefined, undefined, undefined, undefined])
  })
})

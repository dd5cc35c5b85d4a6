import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

interface Session {
  user: string
  seen: Date
  visits: number
  note: string | null
}

describe('hash', () => {
  it('sets some fields and leaves the others', async () => {
    await using world = primitiveWorld()
    const sessions = world.coordination.hash<Session>('sessions')
    await sessions.set('s', { user: 'ada', visits: 1 })
    await sessions.set('s', { visits: 2, seen: new Date(5), note: null })
    expect(await sessions.get('s')).toEqual({ user: 'ada', visits: 2, seen: new Date(5), note: null })
  })

  it('gives the fields that are named, without those that are not there', async () => {
    await using world = primitiveWorld()
    const sessions = world.coordination.hash<Session>('sessions')
    await sessions.set('s', { user: 'ada', visits: 1 })
    expect(await sessions.get('s', ['visits', 'note'])).toEqual({ visits: 1 })
    expect(await sessions.get('s', ['note'])).toEqual({})
    expect(await sessions.get('other', ['note'])).toBeUndefined()
  })

  it('removes a field with undefined, and has no record when all are gone', async () => {
    await using world = primitiveWorld()
    const sessions = world.coordination.hash<Session>('sessions')
    await sessions.set('s', { user: 'ada', visits: 1 })
    await sessions.set('s', { user: undefined })
    expect(await sessions.get('s')).toEqual({ visits: 1 })
    await sessions.set('s', { visits: undefined })
    expect(await sessions.get('s')).toBeUndefined()
  })

  it('takes names of fields that objects have themselves', async () => {
    await using world = primitiveWorld()
    const odd = world.coordination.hash<Record<string, number>>('odd')
    await odd.set('o', JSON.parse('{"__proto__":1,"constructor":2,"toString":3}'))
    const held = await odd.get('o')
    expect(Object.entries(held ?? {}).toSorted()).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
      ['toString', 3],
    ])
  })

  it('deletes a record', async () => {
    await using world = primitiveWorld()
    const sessions = world.coordination.hash<Session>('sessions')
    await sessions.set('s', { visits: 1 })
    expect(await sessions.delete('s')).toBe(true)
    expect(await sessions.delete('s')).toBe(false)
  })

  it('lets different fields be set at once, from everywhere', async () => {
    await using world = primitiveWorld()
    const hashes = [world.coordination.hash('wide'), world.other.hash('wide')]
    await Promise.all(Array.from({ length: 20 }, (_, i) => hashes[i % 2]!.set('w', { [`f${i}`]: i })))
    expect(Object.keys((await hashes[0]?.get('w')) ?? {})).toHaveLength(20)
  })

  it('ends the whole record, whose life begins again with each change that has one', async () => {
    await using world = primitiveWorld()
    const brief = world.coordination.hash<Session>('brief', { ttl: '1m' })
    const lasting = world.coordination.hash<Session>('lasting')
    await brief.set('s', { user: 'ada' })
    await lasting.set('s', { user: 'ada' }, { ttl: '90s' })
    await world.runtime.advance(30_000)
    await brief.set('s', { visits: 1 })
    await lasting.set('s', { visits: 1 })
    await world.runtime.advance(59_999)
    expect(await brief.get('s')).toEqual({ user: 'ada', visits: 1 })
    await world.runtime.advance(1)
    expect(await brief.get('s')).toBeUndefined()
    expect(await lasting.get('s')).toBeUndefined()
  })

  it('refuses what has no text, and ids that are none, before it asks the store', async () => {
    await using world = primitiveWorld()
    const hash = world.coordination.hash('odd')
    expect(await codeOf(hash.set('o', { run: () => 1 }))).toBe('ERR_CACHE_ENCODE')
    expect(await codeOf(hash.set('', { a: 1 }))).toBe('ERR_CACHE_KEY')
    expect(await codeOf(hash.set('o', { a: 1 }, { ttl: 'soon' as never }))).toBe('ERR_CACHE_OPTION')
    expect(world.switched.asked).toEqual([])
  })

  it('throws with `closed`, finds nothing with `open` and cannot keep anything there, and is kept here with `local`', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const [closed, open, local] = (['closed', 'open', 'local'] as const).map((failure) =>
      world.coordination.hash(failure, { failure }),
    )
    expect(await codeOf(closed!.get('s'))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(closed!.set('s', { a: 1 }))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await open!.get('s')).toBeUndefined()
    expect(await codeOf(open!.set('s', { a: 1 }))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(open!.delete('s'))).toBe('ERR_CACHE_UNAVAILABLE')
    await local!.set('s', { a: 1 })
    expect(await local!.get('s')).toEqual({ a: 1 })
  })
})

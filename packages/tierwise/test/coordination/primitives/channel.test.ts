import { describe, expect, it } from 'vitest'

import { codeOf, primitiveWorld } from './world.ts'

describe('channel', () => {
  it('tells all who listen to a topic at the moment, and nobody else', async () => {
    await using world = primitiveWorld()
    const channel = world.coordination.channel<{ n: number }>('news')
    const heard: string[] = []
    await channel.publish('a', { n: 0 })
    await channel.subscribe('a', ({ n }) => heard.push(`one ${n}`))
    await world.other.channel<{ n: number }>('news').subscribe('a', ({ n }) => heard.push(`other ${n}`))
    await channel.subscribe('b', ({ n }) => heard.push(`b ${n}`))
    await world.other.channel('news').publish('a', { n: 1 })
    await world.runtime.settle()
    expect(heard.toSorted()).toEqual(['one 1', 'other 1'])
  })

  it('tells messages in the order in which they were published, with their types', async () => {
    await using world = primitiveWorld()
    const channel = world.coordination.channel<unknown>('news')
    const heard: unknown[] = []
    await channel.subscribe('a', (message) => heard.push(message))
    const messages = [1n, new Date(0), null, 'text', new Map([[1, 2]])]
    for (const message of messages) await channel.publish('a', message)
    await world.runtime.settle()
    expect(heard).toEqual(messages)
  })

  it('tells nothing after it was closed, which can be said twice', async () => {
    await using world = primitiveWorld()
    const channel = world.coordination.channel<number>('news')
    const heard: number[] = []
    const subscription = await channel.subscribe('a', (message) => heard.push(message))
    {
      await using scoped = await channel.subscribe('a', (message) => heard.push(message * 100))
      await channel.publish('a', 1)
      await world.runtime.settle()
      expect(scoped).toBeDefined()
    }
    await subscription.close()
    await subscription.close()
    await channel.publish('a', 2)
    await world.runtime.settle()
    expect(heard.toSorted()).toEqual([1, 100])
  })

  it('tells what a listener throws as an event, and goes on telling', async () => {
    await using world = primitiveWorld()
    const channel = world.coordination.channel<number>('news')
    const heard: number[] = []
    await channel.subscribe('a', (message) => {
      if (message === 1) throw new Error('mine')
      heard.push(message)
    })
    await channel.publish('a', 1)
    await channel.publish('a', 2)
    await world.runtime.settle()
    expect(heard).toEqual([2])
    expect(world.events).toEqual([{ type: 'listener-failed', name: 'news', error: new Error('mine') }])
  })

  it('leaves out a message that cannot be read, and tells of it', async () => {
    await using world = primitiveWorld()
    const heard: unknown[] = []
    await world.coordination.channel('news').subscribe('a', (message) => heard.push(message))
    await world.switched.store.publish('channel:news:a', 'no message')
    await world.coordination.channel('news').publish('a', 1)
    await world.runtime.settle()
    expect(heard).toEqual([1])
    expect(world.events).toEqual([expect.objectContaining({ type: 'listener-failed', name: 'news' })])
  })

  it('refuses topics that are none and messages without a text', async () => {
    await using world = primitiveWorld()
    const channel = world.coordination.channel('news')
    expect(await codeOf(channel.publish('', 1))).toBe('ERR_CACHE_KEY')
    expect(await codeOf(channel.publish('a', undefined))).toBe('ERR_CACHE_VALUE_UNDEFINED')
    expect(await codeOf(channel.subscribe('', () => {}))).toBe('ERR_CACHE_KEY')
    expect(world.switched.asked).toEqual([])
  })

  it('throws with `closed`; leaves messages out with `open`, but does not pretend to listen; tells this process with `local`', async () => {
    await using world = primitiveWorld()
    world.switched.mood = 'fails'
    const [closed, open, local] = (['closed', 'open', 'local'] as const).map((failure) =>
      world.coordination.channel(failure, { failure }),
    )
    expect(await codeOf(closed!.publish('a', 1))).toBe('ERR_CACHE_UNAVAILABLE')
    expect(await codeOf(closed!.subscribe('a', () => {}))).toBe('ERR_CACHE_UNAVAILABLE')
    await open!.publish('a', 1)
    expect(await codeOf(open!.subscribe('a', () => {}))).toBe('ERR_CACHE_UNAVAILABLE')
    const heard: unknown[] = []
    await local!.subscribe('a', (message) => heard.push(message))
    await local!.publish('a', 1)
    await world.runtime.settle()
    expect(heard).toEqual([1])
  })

  it('gives up a subscription that comes after its deadline', async () => {
    await using world = primitiveWorld()
    const closed: string[] = []
    let arrive = (): void => {}
    world.switched.store.subscribe = () =>
      new Promise((resolve) => {
        arrive = () => resolve({ close: async () => void closed.push('closed') })
      })
    const channel = world.coordination.channel('late')
    expect(await world.runtime.until(codeOf(channel.subscribe('a', () => {})))).toBe('ERR_CACHE_UNAVAILABLE')
    arrive()
    await world.runtime.settle()
    expect(closed).toEqual(['closed'])
  })
})

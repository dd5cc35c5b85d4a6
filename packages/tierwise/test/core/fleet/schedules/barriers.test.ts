import { describe, expect, it } from 'vitest'

import { atOnce, startFleet } from '../fleet.ts'
import { expectAll, expectNothingOlder, maxStalenessMs, storageKey } from './promises.ts'
import { Source } from './source.ts'

describe('27. a barrier, and one instance is frozen', () => {
  it('opens once that one may not serve any more, and not before', async () => {
    const fleet = await startFleet({ members: 3 })
    const { runtime, members } = fleet
    const [a, b, frozen] = members
    await atOnce(a!.cache.set('k', 1))
    await expectAll(fleet, 1)
    frozen!.instance.messages.hold()
    const polls = frozen!.instance.pause('poll', { moment: 'before' })
    let isOpen = false
    const result = a!.cache.invalidate('k', { barrier: true })
    void result.then(() => (isOpen = true))
    await runtime.settle()
    let servedMs = 0
    for (; servedMs < 20_000 && frozen!.cache.peek('k') === 1; servedMs += 50) {
      expect(isOpen).toBe(false)
      expect(b!.cache.peek('k')).toBe(undefined)
      await runtime.advance(50)
    }
    expect(servedMs).toBeLessThanOrEqual(maxStalenessMs)
    const { acknowledged, lapsed } = await runtime.until(result)
    expect(new Set(acknowledged)).toEqual(new Set([a!.instance.id, b!.instance.id]))
    expect(lapsed).toEqual([frozen!.instance.id])
    polls.resume()
    frozen!.instance.messages.release()
    await runtime.advance(1300)
    await expectNothingOlder(fleet, 2)
  })

  it('opens soon when everybody hears', async () => {
    const fleet = await startFleet({ members: 3 })
    const { runtime, members } = fleet
    await atOnce(members[0]!.cache.set('k', 1))
    await expectAll(fleet, 1)
    // A store may know of its members for too short a time to be sure that it knows all.
    await runtime.advance(maxStalenessMs + 2000)
    await expectAll(fleet, 1)
    const began = runtime.clock.now()
    const { lapsed } = await runtime.until(members[1]!.cache.invalidate('k', { barrier: true }))
    expect(runtime.clock.now() - began).toBeLessThan(200)
    expect(lapsed).toEqual([])
    expect(members.map(({ cache }) => cache.peek('k'))).toEqual([undefined, undefined, undefined])
  })

  it('rejects when the store does not answer, and the keys are gone all the same', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    await atOnce(a!.cache.set('k', 1))
    await expectAll(fleet, 1)
    const barrier = a!.instance.pause('barrier', { moment: 'before' })
    await expect(runtime.until(a!.cache.invalidate('k', { barrier: true, timeout: '1s' }))).rejects.toMatchObject({
      code: 'ERR_CACHE_BARRIER',
    })
    barrier.resume()
    await expectAll(fleet, undefined, [a!, b!])
  })
})

describe('28. the process of a guarded write dies', () => {
  const holdMs = 30_000

  /** `a` runs a guarded write; the others load the key before, in and after it. */
  async function startMutation() {
    const fleet = await startFleet({ members: 3 })
    const source = new Source()
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    const gate = { commit: (): void => {}, fail: (): void => {} }
    const work = (): Promise<void> =>
      new Promise<void>((resolve, reject) => {
        gate.commit = () => {
          source.write()
          resolve()
        }
        gate.fail = () => reject(new Error('rolled back'))
      })
    const mutation = a!.cache.mutate(['k'], work)
    mutation.catch(() => undefined)
    await fleet.runtime.settle()
    const load = () => atOnce(b!.cache.getOrSet('k', source.load))
    return { ...fleet, fleet, source, gate, mutation, load }
  }

  it('not at all: what is loaded in between is stored nowhere', async () => {
    const { fleet, source, gate, mutation, load, runtime, store } = await startMutation()
    const inBetween = source.hold(fleet.members[2]!.cache)
    await runtime.settle()
    expect(await load()).toBe(1)
    expect(await load()).toBe(1)
    expect(store.head(storageKey()).record).toBe('deleted')
    gate.commit()
    await atOnce(mutation)
    await runtime.settle()
    inBetween.finish()
    expect(await atOnce(inBetween.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
    expect(await load()).toBe(2)
    await expectAll(fleet, 2)
  })

  it('not at all, but its work fails: loads are stored again at once', async () => {
    const { fleet, gate, mutation, load } = await startMutation()
    gate.fail()
    await expect(atOnce(mutation)).rejects.toThrow('rolled back')
    expect(await load()).toBe(1)
    await expectAll(fleet, 1)
  })

  it('not at all, while another writes the same key: nothing is stored before both have ended', async () => {
    const { fleet, source, gate, mutation, load, store } = await startMutation()
    const second = { commit: (): void => {} }
    const other = fleet.members[2]!.cache.mutate(['k'], () => new Promise<void>((resolve) => (second.commit = resolve)))
    await fleet.runtime.settle()
    gate.commit()
    await atOnce(mutation)
    expect(await load()).toBe(2)
    expect(store.head(storageKey()).record).toBe('deleted')
    source.write()
    second.commit()
    await atOnce(other)
    await expectNothingOlder(fleet, 3)
    expect(await load()).toBe(3)
    await expectAll(fleet, 3)
  })

  it('before the first invalidation was made: nothing has changed', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    const change = a!.instance.pause('change', { moment: 'before', calls: 1 })
    const mutation = a!.cache.mutate(['k'], () => new Promise(() => {}))
    mutation.catch(() => undefined)
    await change.reached
    a!.instance.cut()
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(1)
  })

  it('before the commit, which never comes', async () => {
    const { fleet, runtime, load } = await startMutation()
    const [a, b, c] = fleet.members
    a!.instance.cut()
    expect(await load()).toBe(1)
    expect(fleet.store.head(storageKey()).record).toBe('deleted')
    await runtime.advance(holdMs + 1)
    expect(await load()).toBe(1)
    await expectAll(fleet, 1, [b!, c!])
  })

  it('before the commit, which the source makes all the same', async () => {
    const { fleet, source, runtime, load } = await startMutation()
    const [a, b, c] = fleet.members
    a!.instance.cut()
    for (let ms = 0; ms < holdMs - 2000; ms += 1000) {
      expect(await load()).toBe(1)
      await runtime.advance(1000)
    }
    const late = source.hold(b!.cache)
    await runtime.settle()
    source.write()
    await runtime.advance(3000)
    late.finish()
    await atOnce(late.result)
    await expectNothingOlder(fleet, 2, { members: [b!, c!] })
    expect(await load()).toBe(2)
    await expectAll(fleet, 2, [b!, c!])
  })

  it('after the commit and before the second invalidation', async () => {
    const { fleet, gate, mutation, runtime, load } = await startMutation()
    const [a, b, c] = fleet.members
    expect(await load()).toBe(1)
    const change = a!.instance.pause('change', { moment: 'before', calls: 1 })
    gate.commit()
    await change.reached
    a!.instance.cut()
    await runtime.until(mutation)
    await expectNothingOlder(fleet, 2, { members: [b!, c!] })
    expect(await load()).toBe(2)
    await runtime.advance(holdMs)
    expect(await load()).toBe(2)
    await expectAll(fleet, 2, [b!, c!])
  })

  it('after the second invalidation, whose reply it does not hear', async () => {
    const { fleet, gate, runtime, load } = await startMutation()
    const [a, b, c] = fleet.members
    const change = a!.instance.pause('change', { calls: 1 })
    gate.commit()
    await change.reached
    a!.instance.cut()
    await runtime.settle()
    expect(await load()).toBe(2)
    await expectAll(fleet, 2, [b!, c!])
  })
})

import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { alertEngine, type AlertEngineOptions, type AlertRule } from '../../src/recipes/alert-engine.ts'
import { alertEngineCases } from './integration/alert-engine-cases.ts'
import { embedded, type RecipeWorld } from './integration/worlds.ts'

alertEngineCases(embedded)

const rule: AlertRule = {
  id: 'busy',
  condition: { type: 'threshold', operator: '>', value: 90 },
  read: ({ to }) => [{ at: to, value: 95 }],
}

function optionsOf(world: RecipeWorld, told: string[], own: Partial<AlertEngineOptions> = {}): AlertEngineOptions {
  const notify: AlertEngineOptions['notify'] = ({ firing }) => void told.push(`${firing.length} firing`)
  return { rules: [rule], notify, now: () => world.now(), runtime: world.runtime, ...own }
}

describe('an engine that was started', () => {
  it('evaluates at once and then every interval, in turns with the others', async () => {
    await using world = await embedded.create()
    const reads: string[] = []
    const engineOf = (name: string, coordination = world.one): ReturnType<typeof alertEngine> =>
      alertEngine(
        coordination,
        optionsOf(world, [], { rules: [{ ...rule, read: () => (reads.push(name), []) }], interval: '60s' }),
      )
    const [one, other] = [engineOf('one'), engineOf('other', world.other)]
    one.start()
    one.start()
    await world.advance(20_000)
    other.start()
    await world.advance(300_000)
    expect(reads.length).toBeGreaterThanOrEqual(5)
    expect(reads.length).toBeLessThanOrEqual(7)
    await one.stop()
    const before = reads.length
    await world.advance(120_000)
    expect(reads.slice(before)).toEqual(['other', 'other'])
    await Promise.all([other.stop(), other.stop()])
    const end = reads.length
    await world.advance(120_000)
    expect(reads.length).toBe(end)
  })

  it('tells what failed, and goes on when it is told so badly', async () => {
    await using world = await embedded.create()
    const errors: unknown[] = []
    let reads = 0
    const read = (): never => {
      reads++
      throw new Error('theirs')
    }
    const onError = (error: unknown): never => {
      errors.push(error)
      throw new Error('mine')
    }
    await using engine = alertEngine(world.one, optionsOf(world, [], { rules: [{ ...rule, read }], onError }))
    engine.start()
    await world.advance(120_000)
    expect(reads).toBe(3)
    expect(errors).toEqual([new Error('theirs'), new Error('theirs'), new Error('theirs')])
  })

  it('does not wait for a rule or for who is told for longer than their time', async () => {
    await using world = await embedded.create()
    const signals: AbortSignal[] = []
    const hanging: AlertRule = {
      ...rule,
      id: 'hanging',
      read: ({ signal }) => (signals.push(signal), new Promise(() => {})),
    }
    const notify = (): Promise<void> => new Promise(() => {})
    const engine = alertEngine(world.one, optionsOf(world, [], { rules: [rule, hanging], notify, timeout: '5s' }))
    const outcome = await world.until(engine.evaluate())
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(outcome).toMatchObject({ ok: true, errors: [expect.any(Error), expect.any(Error)] })
    expect(await engine.alerts()).toMatchObject([{ rule: 'busy', state: 'firing' }])
  })
})

describe('the history', () => {
  it('keeps the last 1000 changes, and can be of one rule', async () => {
    await using world = await embedded.create()
    const hosts = Array.from({ length: 600 }, (_, i) => String(i))
    let value = 95
    const many: AlertRule = {
      ...rule,
      id: 'many',
      read: ({ to }) => hosts.map((host) => ({ labels: { host }, samples: [{ at: to, value }] })),
    }
    const engine = alertEngine(world.one, optionsOf(world, [], { rules: [many, rule] }))
    await engine.evaluate()
    await world.advance(1000)
    value = 5
    await engine.evaluate()
    const all = await engine.history({ limit: 5000 })
    expect(all).toHaveLength(1000)
    expect(all.filter(({ to }) => to === 'resolved')).toHaveLength(600)
    expect(await engine.history()).toHaveLength(100)
    expect((await engine.history({ rule: 'many', limit: 3 })).map(({ rule: id }) => id)).toEqual([
      'many',
      'many',
      'many',
    ])
  })

  it('has a change whose process died before it had written it down, once', async () => {
    await using world = await embedded.create()
    const engine = alertEngine(world.one, optionsOf(world, [], { rules: [{ ...rule, labels: { z: '1', a: '2' } }] }))
    const other = alertEngine(world.other, optionsOf(world, [], { rules: [{ ...rule, labels: { z: '1', a: '2' } }] }))
    const { rank } = world.switched.store
    world.switched.store.rank = () => Promise.reject(new Error('died'))
    expect((await engine.evaluate()).ok).toBe(false)
    world.switched.store.rank = rank
    expect(await other.history()).toEqual([])
    await world.advance(60_000)
    await other.evaluate()
    await world.advance(60_000)
    await engine.evaluate()
    expect(await other.history()).toMatchObject([{ from: 'ok', to: 'firing', labels: { a: '2', z: '1' } }])
  })
})

describe('options of alertEngine', () => {
  const notify = (): void => {}
  it.each([
    [{ notify }, 'rules'],
    [{ rules: [rule] }, 'notify'],
    [{ rules: [{ ...rule, id: 'a:b' }], notify }, 'alertEngine.rules[0].id'],
    [{ rules: [rule, rule], notify }, 'alertEngine.rules[1].id'],
    [{ rules: [{ ...rule, read: undefined }], notify }, 'read'],
    [{ rules: [{ ...rule, for: 0 }], notify }, 'for'],
    [{ rules: [{ ...rule, forr: '1m' }], notify }, 'forr'],
    [{ rules: [{ ...rule, condition: { type: 'thresold' } }], notify }, 'condition.type'],
    [{ rules: [{ ...rule, condition: { type: 'threshold', operator: '>' } }], notify }, 'condition.value'],
    [{ rules: [{ ...rule, condition: { type: 'threshold', value: 1 } }], notify }, 'condition.operator'],
    [{ rules: [{ ...rule, condition: { type: 'rate_of_change' } }], notify }, 'condition.by'],
    [{ rules: [{ ...rule, condition: { type: 'anomaly', deviations: 0 } }], notify }, 'condition.deviations'],
    [{ rules: [{ ...rule, condition: undefined }], notify }, 'condition'],
    [{ rules: [rule], notify, interval: 0 }, 'interval'],
  ])('refuses %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => alertEngine(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })

  it('refuse a silence of everything', async () => {
    await using coordination = createCoordination()
    const engine = alertEngine(coordination, { rules: [rule], notify })
    await expect(engine.silence({ for: '1h', by: 'ada' })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    await expect(engine.silence({ rule: 'busy', for: 0, by: 'ada' })).rejects.toMatchObject({
      code: 'ERR_CACHE_OPTION',
    })
  })
})

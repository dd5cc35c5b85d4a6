import { describe, expect, it } from 'vitest'

import {
  alertEngine,
  type AlertEngine,
  type AlertEngineOptions,
  type AlertNotification,
  type AlertRule,
  type SampledSeries,
} from '../../../src/recipes/alert-engine.ts'
import type { RecipeWorld, RecipeWorlds } from './worlds.ts'

/** What the rule of a scene measures now, by host. */
type Measured = Record<string, number>

interface Scene {
  readonly engines: readonly [AlertEngine, AlertEngine]
  readonly measured: Measured
  /** `firing a,b` and `resolved c` of each notification, in its order. */
  readonly told: string[]
  /** The time of day of the evaluations moves on by a minute. */
  minute(): void
  readonly options: AlertEngineOptions
}

const namesOf = (alerts: AlertNotification['firing']): string =>
  alerts
    .map(({ labels }) => labels['host'])
    .sort()
    .join()

function scene(world: RecipeWorld, own: Partial<AlertEngineOptions> = {}, rule: Partial<AlertRule> = {}): Scene {
  let now = Date.UTC(2026, 0, 1)
  const measured: Measured = {}
  const told: string[] = []
  const read = ({ to }: { to: number }): SampledSeries[] =>
    Object.entries(measured).map(([host, value]) => ({ labels: { host }, samples: [{ at: to, value }] }))
  const options: AlertEngineOptions = {
    rules: [
      {
        id: 'busy',
        condition: { type: 'threshold', operator: '>', value: 90 },
        labels: { team: 'ops' },
        read,
        ...rule,
      },
    ],
    notify: ({ firing, resolved }) => {
      if (firing.length > 0) told.push(`firing ${namesOf(firing)}`)
      if (resolved.length > 0) told.push(`resolved ${namesOf(resolved)}`)
    },
    groupInterval: 1,
    now: () => now,
    runtime: world.runtime,
    ...own,
  }
  const engines = [alertEngine(world.one, options), alertEngine(world.other, options)] as const
  return { engines, measured, told, options, minute: () => void (now += 60_000) }
}

export function alertEngineCases(worlds: RecipeWorlds): void {
  describe(`alertEngine ${worlds.name}`, () => {
    it('tells what fires, and what is over, once each', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute } = scene(world)
      const seen: unknown[] = []
      for (const value of [50, 95, 99, 20, 20, 20]) {
        measured['a'] = value
        const outcome = await engines[seen.length % 2 === 0 ? 0 : 1].evaluate()
        const { state } = (await engines[0].alerts())[0] ?? { state: 'ok' }
        seen.push([state, outcome.ok && outcome.notified])
        minute()
        await world.advance(20)
      }
      expect(seen).toEqual([
        ['ok', 0],
        ['firing', 1],
        ['firing', 0],
        ['resolved', 1],
        ['ok', 0],
        ['ok', 0],
      ])
      expect(told).toEqual(['firing a', 'resolved a'])
      expect(await world.switched.store.members('set:alerts.index:active')).toEqual([])
      const history = await engines[1].history()
      expect(history.map(({ from, to, value }) => `${from} ${to} ${value}`)).toEqual([
        'resolved ok 20',
        'firing resolved 20',
        'ok firing 95',
      ])
      expect(history[0]).toMatchObject({ rule: 'busy', labels: { host: 'a', team: 'ops' } })
    })

    it('fires what has lasted, counted over restarts', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute, options } = scene(world, {}, { for: '2m' })
      measured['a'] = 95
      await engines[0].evaluate()
      minute()
      await engines[1].evaluate()
      expect((await engines[0].alerts()).map(({ state }) => state)).toEqual(['pending'])
      minute()
      const restarted = alertEngine(world.other, options)
      await restarted.evaluate()
      expect((await restarted.alerts()).map(({ state, value }) => [state, value])).toEqual([['firing', 95]])
      expect(told).toEqual(['firing a'])
    })

    it('evaluates in one process at a time', async () => {
      await using world = await worlds.create()
      const { engines, measured, told } = scene(world)
      measured['a'] = 95
      const outcomes = await Promise.all(
        [engines[0], engines[1], engines[0], engines[1]].map((each) => each.evaluate()),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
      expect(outcomes.filter(({ ok }) => !ok)).toEqual(Array.from({ length: 3 }, () => ({ ok: false, reason: 'busy' })))
      expect(told).toEqual(['firing a'])
    })

    it('changes states and tells once also where two processes evaluate at once, because a lock was lost', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute } = scene(world)
      const { acquire } = world.switched.store
      let owners = 0
      for (const value of [95, 10]) {
        measured['a'] = value
        measured['b'] = value
        // Everybody is given the lock.
        world.switched.store.acquire = (key, owner, options) => acquire(`${key}${owners++}`, owner, options)
        const outcomes = await Promise.all([engines[0].evaluate(), engines[0].evaluate(), engines[1].evaluate()])
        const transitions = outcomes.flatMap((outcome) => (outcome.ok ? outcome.transitions : []))
        expect(outcomes.filter(({ ok }) => ok).length).toBeGreaterThan(1)
        expect(transitions).toHaveLength(2)
        minute()
        await world.advance(20)
        await engines[1].evaluate()
        minute()
        await world.advance(20)
      }
      expect(told.flatMap((text) => text.split(' ')[1]?.split(',') ?? []).toSorted()).toEqual(['a', 'a', 'b', 'b'])
      expect(await engines[0].history()).toHaveLength(6)
    })

    it('tells what happens in a group within its interval together, and what was over by then not at all', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute } = scene(world, { groupInterval: 1000 })
      const evaluate = async (hosts: Measured): Promise<void> => {
        Object.assign(measured, hosts)
        await engines[0].evaluate()
        minute()
      }
      await evaluate({ a: 95 })
      await evaluate({ b: 95, c: 95, d: 95 })
      await evaluate({ c: 10, a: 10 })
      await evaluate({ c: 10, a: 95 })
      expect(told).toEqual(['firing a'])
      await world.advance(1100)
      await evaluate({})
      expect(told).toEqual(['firing a', 'firing b,d'])
      await evaluate({ a: 10, b: 10, d: 10 })
      await world.advance(1100)
      await evaluate({})
      expect(told).toEqual(['firing a', 'firing b,d', 'resolved a,b,d'])
    })

    it('has groups by what the caller says', async () => {
      await using world = await worlds.create()
      const groups: string[] = []
      const { engines, measured } = scene(world, {
        groupBy: ({ labels }) => labels['host'] ?? '',
        notify: ({ group }) => void groups.push(group),
      })
      Object.assign(measured, { a: 95, b: 95 })
      await engines[0].evaluate()
      expect(groups.toSorted()).toEqual(['a', 'b'])
    })

    it('tries again to tell what could not be told', async () => {
      await using world = await worlds.create()
      let failures = 2
      const told: string[] = []
      const notify = ({ firing }: AlertNotification): void => {
        if (failures-- > 0) throw new Error('theirs')
        told.push(namesOf(firing))
      }
      const { engines, measured, minute } = scene(world, { notify, groupInterval: '1h' })
      measured['a'] = 95
      for (let i = 0; i < 4; i++) {
        const outcome = await engines[i % 2 === 0 ? 0 : 1].evaluate()
        expect(outcome).toMatchObject({ ok: true, errors: i < 2 ? [new Error('theirs')] : [] })
        minute()
      }
      expect(told).toEqual(['a'])
    })

    it('lets another process tell what one that died had not told', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute, options } = scene(world, { timeout: 200, groupInterval: 300 })
      measured['a'] = 95
      const { remove } = world.switched.store
      const dying = alertEngine(world.one, {
        ...options,
        notify: () => {
          // It cannot say any more that it has not told anybody.
          world.switched.store.remove = () => Promise.reject(new Error('died'))
          throw new Error('dying')
        },
      })
      await dying.evaluate()
      world.switched.store.remove = remove
      minute()
      await world.advance(50)
      await engines[1].evaluate()
      minute()
      await world.advance(500)
      await engines[1].evaluate()
      expect(told).toEqual(['firing a'])
    })

    it('does not tell what another process is about to tell', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute, options } = scene(world, { groupInterval: 200 })
      let open = (): void => {}
      const slow = alertEngine(world.one, {
        ...options,
        notify: async (notification) => {
          await new Promise<void>((resolve) => {
            open = resolve
          })
          await options.notify(notification)
        },
      })
      const { acquire } = world.switched.store
      let owners = 0
      world.switched.store.acquire = (key, owner, held) => acquire(`${key}${owners++}`, owner, held)
      measured['a'] = 95
      const telling = slow.evaluate()
      await world.advance(300)
      minute()
      expect(await engines[0].evaluate()).toMatchObject({ ok: true, notified: 0 })
      expect((await engines[0].alerts()).map((alert) => alert.told)).toEqual([undefined])
      open()
      expect(await telling).toMatchObject({ ok: true, notified: 1 })
      minute()
      measured['b'] = 95
      await engines[0].evaluate()
      expect(told).toEqual(['firing a', 'firing b'])
    })

    it('tells what is still to be told, also when its rule cannot be read any more', async () => {
      await using world = await worlds.create()
      let failures = 1
      const told: string[] = []
      const { engines, minute } = scene(
        world,
        {
          notify: ({ firing }) => {
            if (failures-- > 0) throw new Error('theirs')
            told.push(namesOf(firing))
          },
        },
        {
          read: ({ to }) => {
            if (failures < 1) throw new Error('theirs')
            return [{ labels: { host: 'a' }, samples: [{ at: to, value: 95 }] }]
          },
        },
      )
      await engines[0].evaluate()
      minute()
      await world.advance(20)
      expect(await engines[0].evaluate()).toMatchObject({ ok: true, notified: 1, errors: [new Error('theirs')] })
      expect(told).toEqual(['a'])
    })

    it('does not tell what somebody is at, until it has been over', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute } = scene(world, {}, { for: '1m' })
      const evaluate = async (value: number): Promise<void> => {
        measured['a'] = value
        await engines[0].evaluate()
        minute()
        await world.advance(20)
      }
      await evaluate(95)
      const [alert] = await engines[1].alerts()
      const fingerprint = alert?.fingerprint ?? ''
      expect(await engines[1].acknowledge(fingerprint, { by: 'ada', note: 'known' })).toMatchObject({ by: 'ada' })
      await evaluate(95)
      expect(await engines[0].alerts()).toMatchObject([{ state: 'firing', acknowledged: { by: 'ada', note: 'known' } }])
      await evaluate(10)
      await evaluate(10)
      expect(told).toEqual([])
      expect(await engines[1].acknowledge(fingerprint, { by: 'ada' })).toBeUndefined()
      expect(await engines[1].acknowledge('unknown', { by: 'ada' })).toBeUndefined()
      await evaluate(95)
      await evaluate(95)
      expect(told).toEqual(['firing a'])
    })

    it('does not tell what is silenced, until the silence is over', async () => {
      await using world = await worlds.create()
      const { engines, measured, told, minute } = scene(world)
      const silence = await engines[1].silence({ labels: { host: 'a' }, for: '1h', by: 'ada', comment: 'upgrade' })
      await engines[1].silence({ rule: 'other', for: '1h', by: 'ada' })
      const brief = await engines[1].silence({ rule: 'busy', labels: { host: 'c' }, for: 500, by: 'ada' })
      Object.assign(measured, { a: 95, b: 95, c: 95 })
      await engines[0].evaluate()
      expect(told).toEqual(['firing b'])
      expect((await engines[0].silences()).map(({ id }) => id)).toEqual(expect.arrayContaining([silence.id, brief.id]))
      minute()
      await world.advance(600)
      await engines[0].evaluate()
      expect(told).toEqual(['firing b', 'firing c'])
      expect([await engines[0].unsilence(silence.id), await engines[0].unsilence(silence.id)]).toEqual([true, false])
      minute()
      await world.advance(20)
      await engines[0].evaluate()
      expect(told).toEqual(['firing b', 'firing c', 'firing a'])
    })

    it('takes what is not measured any more for over, and what could not be read for unknown', async () => {
      await using world = await worlds.create()
      let isBroken = false
      const measured = ['a', 'b']
      const read = ({ to }: { to: number }): SampledSeries[] => {
        if (isBroken) throw new Error('theirs')
        return measured.map((host) => ({ labels: { host }, samples: [{ at: to, value: 95 }] }))
      }
      const { engines, told, minute } = scene(world, {}, { read })
      await engines[0].evaluate()
      minute()
      await world.advance(20)
      isBroken = true
      expect(await engines[0].evaluate()).toMatchObject({ ok: true, transitions: [], errors: [new Error('theirs')] })
      expect(await engines[0].alerts()).toHaveLength(2)
      expect((await engines[0].lastEvaluation('busy'))?.ok).toBe(false)
      isBroken = false
      measured.pop()
      minute()
      await engines[0].evaluate()
      expect(told).toEqual(['firing a,b', 'resolved b'])
      expect((await engines[1].lastEvaluation('busy'))?.ok).toBe(true)
      expect(await engines[1].lastEvaluation('other')).toBeUndefined()
    })

    it('says so when the store cannot be asked, and tells once it can', async () => {
      await using world = await worlds.create()
      const { engines, measured, told } = scene(world)
      measured['a'] = 95
      world.switched.mood = 'fails'
      expect(await engines[0].evaluate()).toEqual({ ok: false, reason: 'unavailable' })
      expect(told).toEqual([])
      world.switched.mood = 'answers'
      await engines[0].evaluate()
      expect(told).toEqual(['firing a'])
    })
  })
}

import { describe, expect, it } from 'vitest'

import { fingerprintOf, nextAlert, type Alert, type AlertState } from '../../src/recipes/alert-engine/alerts.ts'
import { judgeSamples, type AlertCondition, type Sample } from '../../src/recipes/alert-engine/conditions.ts'

const now = 1_000_000
/** Samples of the last seconds, the last of them now. */
const series = (...values: readonly number[]): readonly Sample[] =>
  values.map((value, i) => ({ at: now - (values.length - 1 - i) * 1000, value }))
const said = (condition: AlertCondition, samples: readonly Sample[]): unknown => {
  const { kind, value } = judgeSamples(condition, samples, now)
  return [kind, value]
}

describe('a threshold', () => {
  it.each([
    ['>', 5, 'fine'],
    ['>', 4.9, 'breached'],
    ['>=', 5, 'breached'],
    ['>=', 5.1, 'fine'],
    ['<', 5, 'fine'],
    ['<', 5.1, 'breached'],
    ['<=', 5, 'breached'],
    ['<=', 4.9, 'fine'],
    ['==', 5, 'breached'],
    ['==', 5.1, 'fine'],
    ['!=', 5, 'fine'],
    ['!=', 5.1, 'breached'],
  ] as const)('of %s %d says of a value of 5: %s', (operator, value, kind) => {
    expect(said({ type: 'threshold', operator, value }, series(1, 5))).toEqual([kind, 5])
  })

  it.each([
    ['last', 2],
    ['avg', 4],
    ['min', 1],
    ['max', 9],
    ['sum', 12],
  ] as const)('compares the %s of the window', (of, value) => {
    expect(said({ type: 'threshold', operator: '==', value, of }, series(1, 9, 2))).toEqual(['breached', value])
  })

  it('says nothing without a sample in the window, which begins after its first instant', () => {
    const condition = { type: 'threshold', operator: '>', value: 0, window: 10_000 } as const
    expect(said(condition, [])).toEqual(['no-data', undefined])
    expect(said(condition, [{ at: now - 10_000, value: 1 }])).toEqual(['no-data', undefined])
    expect(said(condition, [{ at: now + 1, value: 1 }])).toEqual(['no-data', undefined])
    expect(said(condition, [{ at: now - 5, value: Number.NaN }])).toEqual(['no-data', undefined])
    expect(said(condition, [{ at: now - 9999, value: 1 }])).toEqual(['breached', 1])
  })

  it('takes samples in any order', () => {
    const samples = series(1, 2, 9).toReversed()
    expect(said({ type: 'threshold', operator: '>', value: 8 }, samples)).toEqual(['breached', 9])
    expect(samples[0]?.value).toBe(9)
  })
})

describe('a rate of change', () => {
  const by = (condition: object): AlertCondition => ({ type: 'rate_of_change', by: 50, ...condition }) as AlertCondition

  it.each([
    [{}, [100, 80, 150], ['fine', 50]],
    [{}, [100, 151], ['breached', 51]],
    [{}, [100, 49], ['breached', -51]],
    [{ direction: 'up' }, [100, 49], ['fine', -51]],
    [{ direction: 'down' }, [100, 49], ['breached', -51]],
    [{ direction: 'down' }, [100, 151], ['fine', 51]],
    [{}, [-100, -151], ['breached', -51]],
    [{ unit: 'absolute' }, [1, 52], ['breached', 51]],
    [{ unit: 'absolute' }, [1, 51], ['fine', 50]],
    [{}, [0, 1], ['breached', undefined]],
    [{ direction: 'down' }, [0, 1], ['fine', undefined]],
    [{}, [0, 0], ['fine', 0]],
    [{}, [5], ['no-data', undefined]],
    [{}, [], ['no-data', undefined]],
    [{ window: 1500 }, [1, 100, 101], ['fine', 1]],
  ])('%j of %j says %j', (condition, values, expected) => {
    expect(said(by(condition), series(...values))).toEqual(expected)
  })
})

describe('absence', () => {
  it('is when there is no sample in the window', () => {
    expect(said({ type: 'absence' }, [])).toEqual(['breached', undefined])
    expect(said({ type: 'absence', window: 1000 }, [{ at: now - 1000, value: 1 }])).toEqual(['breached', undefined])
    expect(said({ type: 'absence', window: 1000 }, [{ at: now - 999, value: 0 }])).toEqual(['fine', 0])
  })
})

describe('an anomaly', () => {
  const steady = [9, 11, 9, 11, 9, 11, 9, 11, 9, 11]

  it.each([
    [{}, [...steady, 13], ['fine', 13]],
    [{}, [...steady, 13.1], ['breached', 13.1]],
    [{}, [...steady, 6.9], ['breached', 6.9]],
    [{ deviations: 5 }, [...steady, 14], ['fine', 14]],
    [{}, [...steady.slice(1), 99], ['no-data', 99]],
    [{ minSamples: 2 }, [1, 1, 9], ['breached', 9]],
    [{ minSamples: 2 }, [4, 4, 4], ['fine', 4]],
    [{}, [], ['no-data', undefined]],
  ])('%j of %j says %j', (condition, values, expected) => {
    expect(said({ type: 'anomaly', ...condition }, series(...values))).toEqual(expected)
  })
})

describe('a fingerprint', () => {
  it('is of the rule and its labels, whatever their order', () => {
    const one = fingerprintOf('slow', { region: 'eu', host: 'a' })
    expect(one).toBe(fingerprintOf('slow', { host: 'a', region: 'eu' }))
    const others = [
      fingerprintOf('slow', { region: 'eu' }),
      fingerprintOf('slow', { region: 'eu', host: 'b' }),
      fingerprintOf('down', { region: 'eu', host: 'a' }),
      fingerprintOf('slow', { 'region","eu"],["host': 'a' }),
      fingerprintOf('slow', {}),
    ]
    expect(new Set([one, ...others]).size).toBe(6)
  })
})

describe('the state of an alert', () => {
  /** States after one evaluation a second: `!` is breached, `.` is fine, `?` says nothing. */
  function states(signs: string, { forMs = 0, told = false } = {}): string[] {
    let alert: Alert | undefined
    return Array.from(signs, (sign, i): AlertState => {
      const kind = sign === '!' ? 'breached' : sign === '.' ? 'fine' : 'no-data'
      const finding = { rule: 'r', labels: {}, verdict: { kind, value: 1 }, now: i * 1000, forMs } as const
      alert = nextAlert(alert, finding) ?? alert
      if (told && alert?.state === 'firing') alert = { ...alert, told: alert.told ?? alert.firedAt }
      return alert?.state ?? 'ok'
    })
  }

  it.each([
    ['..', {}, ['ok', 'ok']],
    ['!!', {}, ['firing', 'firing']],
    ['!..', {}, ['firing', 'resolved', 'ok']],
    ['!!!!', { forMs: 2000 }, ['pending', 'pending', 'firing', 'firing']],
    ['!!.!', { forMs: 2000 }, ['pending', 'pending', 'ok', 'pending']],
    ['!?!', { forMs: 2000 }, ['pending', 'pending', 'firing']],
    ['!?.', {}, ['firing', 'firing', 'resolved']],
    ['?', {}, ['ok']],
    ['!.!', {}, ['firing', 'resolved', 'firing']],
    ['!!!.!.', { forMs: 2000 }, ['pending', 'pending', 'firing', 'resolved', 'pending', 'ok']],
    // What was told as firing is not forgotten before it was told as resolved.
    ['!...', { told: true }, ['firing', 'resolved', 'resolved', 'resolved']],
    ['!!!.!.', { forMs: 2000, told: true }, ['pending', 'pending', 'firing', 'resolved', 'pending', 'resolved']],
  ] as const)('after %s with %j is %j', (signs, options, expected) => {
    expect(states(signs, options)).toEqual(expected)
  })

  it('is not changed by an evaluation that began before the last one', () => {
    const at = (time: number, kind: 'breached' | 'fine') =>
      ({ rule: 'r', labels: {}, verdict: { kind, value: 1 }, now: time, forMs: 0 }) as const
    const firing = nextAlert(undefined, at(1000, 'breached'))
    expect(nextAlert(firing, at(1000, 'fine'))).toBeUndefined()
    expect(nextAlert(firing, at(999, 'fine'))).toBeUndefined()
    expect(nextAlert(firing, at(1001, 'fine'))?.state).toBe('resolved')
  })
})

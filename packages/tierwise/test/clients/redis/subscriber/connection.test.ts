import { afterEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { Connection } from '../../../../src/clients/redis/subscriber/connection.ts'

/** Answers to subscriptions, in the order in which they were asked for. */
const answers: (() => void)[] = []
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
let connection: Connection
afterEach(() => connection.close())

describe('a channel that is left and taken in again', () => {
  it('is not heard before its second subscription was answered', async () => {
    const listener = {
      open: async () => {},
      track: async () => {},
      subscribe: (channels: readonly string[]) =>
        channels.length === 0 ? Promise.resolve() : new Promise<void>((resolve) => answers.push(resolve)),
      unsubscribe: async () => {},
      ping: async () => {},
      close: async () => {},
    }
    const told: string[] = []
    connection = new Connection({
      node: { address: 'here:1', send: async () => null, listen: async () => listener },
      kind: 'classic',
      tracking: [],
      timers: systemRuntime().timers,
      openTimeoutMs: 5000,
      heartbeat: { intervalMs: 60_000, timeoutMs: 1000 },
      watcher: {
        message: () => {},
        touched: () => {},
        ended: () => {},
        listening: (channels) => void told.push(...channels),
      },
    })
    connection.open()
    await turn()
    connection.listenTo(['a'])
    connection.leave('a')
    connection.listenTo(['a'])
    await turn()
    expect(answers).toHaveLength(2)
    answers[0]?.()
    await turn()
    expect([connection.hears('a'), told]).toEqual([false, []])
    answers[1]?.()
    await turn()
    expect([connection.hears('a'), told]).toEqual([true, ['a']])
  })
})

import { describe, expect, it } from 'vitest'

import { EchoBus, readMessage, writeMessage, type EchoChannel, type EchoEvents } from '../../src/base/echo-bus/index.ts'
import type { BusChange } from '../../src/contract/bus.ts'
import { RecordedListener } from '../../src/testing/bus-conformance/recorded-listener.ts'
import { checkTimers, fakeRuntime } from '../../src/testing/index.ts'

/** A channel in the hands of the test: nothing comes back unless the test says so. */
class HeldChannel implements EchoChannel {
  events: EchoEvents | undefined
  readonly sent: string[] = []
  reopened = 0
  closed = 0
  /** How sending ends. */
  sending: () => Promise<void> = async () => undefined

  open(events: EchoEvents): void {
    this.events = events
  }

  tell(text: string): Promise<void> {
    this.sent.push(text)
    return this.sending()
  }

  echo(text: string): Promise<void> {
    return this.tell(text)
  }

  reopen(): void {
    this.reopened++
  }

  async close(): Promise<void> {
    this.closed++
  }

  /** The pings that were sent, as texts. */
  get pings(): readonly string[] {
    return this.sent.filter((text) => readMessage(text)?.message.kind === 'ping')
  }
}

const steel: BusChange = { kind: 'key', operation: 'set', key: 'tw:1:a:steel', version: 7 }

function started() {
  const runtime = fakeRuntime()
  const channel = new HeldChannel()
  const bus = new EchoBus({ channel, runtime, source: 'me', announces: true, maxStalenessMs: 5000 })
  const listener = new RecordedListener(() => runtime.clock.now())
  bus.start(listener)
  channel.events?.onOpen()
  const told = (): readonly unknown[] =>
    listener.told.map(({ kind, ...rest }) => ('instant' in rest ? rest.instant : kind))
  const hear = (text: string | undefined): void => channel.events?.onText(text ?? '')
  return { runtime, channel, bus, listener, told, hear, start: runtime.clock.now() }
}

describe('EchoBus', () => {
  it('confirms the instant before a ping was sent, once the ping has come back', async () => {
    const { runtime, channel, told, hear, start, bus } = started()
    expect(told()).toEqual(['lost'])
    await runtime.advance(200)
    hear(channel.pings[0])
    expect(told()).toEqual(['lost', start])
    hear(channel.pings[0])
    expect(told()).toEqual(['lost', start])
    await runtime.advance(800)
    hear(channel.pings[1])
    expect(told()).toEqual(['lost', start, start + 1000])
    expect(channel.reopened).toBe(0)
    await bus.stop()
    checkTimers(runtime)
  })

  it('listens anew when two pings in a row do not come back', async () => {
    const { runtime, channel, told, hear } = started()
    await runtime.advance(499)
    expect([channel.pings.length, channel.reopened]).toEqual([2, 0])
    await runtime.advance(1)
    expect(channel.reopened).toBe(1)
    hear(channel.pings[1])
    await runtime.advance(10_000)
    expect([channel.pings.length, channel.reopened, told()]).toEqual([2, 1, ['lost']])
    channel.events?.onOpen()
    expect(told()).toEqual(['lost', 'lost'])
    expect(channel.pings.length).toBe(3)
  })

  it('takes one miss for a busy process', async () => {
    const { runtime, channel, told, hear, start } = started()
    await runtime.advance(300)
    hear(channel.pings[0])
    expect(told()).toEqual(['lost', start])
    hear(channel.pings[1])
    expect(told()).toEqual(['lost', start, start + 250])
    await runtime.advance(750 + 250)
    expect(channel.reopened).toBe(0)
  })

  it('does not believe a ping of before a gap', async () => {
    const { runtime, channel, told, hear, start } = started()
    await runtime.advance(100)
    channel.events?.onOpen()
    hear(channel.pings[0])
    expect(told()).toEqual(['lost', 'lost'])
    hear(channel.pings[1])
    expect(told()).toEqual(['lost', 'lost', start + 100])
  })

  it('does not listen anew because pings cannot be sent', async () => {
    const { runtime, channel, told } = started()
    channel.sending = () => Promise.reject(new Error('down'))
    channel.events?.onOpen()
    await runtime.advance(5000)
    expect([channel.reopened, told()]).toEqual([0, ['lost', 'lost']])
    expect(channel.pings.length).toBe(7)
    channel.sending = async () => undefined
    await runtime.advance(1000)
    await runtime.advance(250)
    await runtime.advance(250)
    expect(channel.reopened).toBe(1)
  })

  it('tries no other ping while one hangs, for five seconds', async () => {
    const { runtime, channel } = started()
    channel.sending = () => new Promise(() => undefined)
    channel.events?.onOpen()
    const { length } = channel.pings
    await runtime.advance(4999)
    expect(channel.pings.length).toBe(length)
    await runtime.advance(1)
    expect(channel.pings.length).toBe(length + 1)
  })

  it('tells what others say, not what it said itself, and nothing before it listens', () => {
    const { channel, bus, listener, told, hear } = started()
    hear(writeMessage('other', { kind: 'changes', changes: [steel] }))
    hear(writeMessage('me', { kind: 'changes', changes: [steel] }))
    hear(writeMessage('me', { kind: 'lost' }))
    expect(listener.changes).toEqual([steel])
    hear(writeMessage('other', { kind: 'ping', number: 1 }))
    hear(writeMessage('other', { kind: 'lost' }))
    expect(told()).toEqual(['lost', 'changed', 'lost'])
    bus.announce?.([steel])
    expect(readMessage(channel.sent.at(-1) ?? '')).toEqual({
      source: 'me',
      message: { kind: 'changes', changes: [steel] },
    })
  })

  it('says goodbye when it is stopped, and waits for no echo any more', async () => {
    const { runtime, channel, bus } = started()
    await runtime.settle()
    expect(runtime.pendingTimers.length).toBe(2)
    await bus.stop()
    expect(readMessage(channel.sent.at(-1) ?? '')).toEqual({ source: 'me', message: { kind: 'bye' } })
    checkTimers(runtime)
  })

  it('stops without waiting for a channel that does not send', async () => {
    const { runtime, channel, bus } = started()
    channel.sending = () => new Promise(() => undefined)
    await runtime.until(bus.stop())
    expect(channel.closed).toBe(1)
    const { length } = channel.sent
    bus.announce?.([steel])
    expect(channel.sent.length).toBe(length)
    checkTimers(runtime)
  })
})

describe('a barrier', () => {
  const says = { kind: 'ping', number: 1 } as const

  async function settledBarrier() {
    const parts = started()
    const { runtime, channel, bus, hear } = parts
    const echo = (): void => hear(channel.pings.at(-1))
    runtime.timers.every(100, echo)
    await runtime.advance(5000)
    hear(writeMessage('one', says))
    hear(writeMessage('other', says))
    let result: unknown
    const wait = bus.barrier([], 20_000).then(
      (passed) => (result = passed),
      (error: Error) => (result = error.message),
    )
    const asked = (): string | undefined => parts.channel.sent.findLast((text) => text.includes('"Q"'))
    const answer = (source: string, number = 1): void =>
      hear(writeMessage(source, { kind: 'answer', number, to: 'me' }))
    return { ...parts, wait, asked, answer, result: () => result }
  }

  it('waits until its question has come back and everybody has answered', async () => {
    const { runtime, hear, asked, answer, result } = await settledBarrier()
    answer('one')
    answer('other')
    await runtime.advance(0)
    expect(result()).toBeUndefined()
    hear(asked())
    await runtime.advance(0)
    expect(result()).toEqual({ acknowledged: ['one', 'other'], lapsed: [] })
  })

  it('waits for an instance that is silent until its right has run out', async () => {
    const { runtime, hear, asked, answer, result } = await settledBarrier()
    hear(asked())
    answer('one')
    answer('other', 9)
    await runtime.advance(100)
    hear(writeMessage('other', says))
    await runtime.advance(4999)
    expect(result()).toBeUndefined()
    // Others go on, and it is told all the same who has lapsed.
    await runtime.advance(2)
    hear(writeMessage('one', says))
    await runtime.advance(249)
    expect(result()).toEqual({ acknowledged: ['one'], lapsed: ['other'] })
  })

  it('is no matter of the answers and questions of others', async () => {
    const { runtime, bus, hear, asked, answer, result } = await settledBarrier()
    const first = asked()
    const second = bus.barrier([], 1000).catch(() => 'late')
    hear(first)
    answer('one')
    hear(writeMessage('other', { kind: 'answer', number: 1, to: 'somebody' }))
    answer('one', 2)
    answer('other', 2)
    await runtime.advance(1000)
    expect([result(), await second]).toEqual([undefined, 'late'])
  })

  it('asks again, and does not wait for who says goodbye', async () => {
    const { runtime, channel, hear, asked, answer, result } = await settledBarrier()
    const before = channel.sent.length
    await runtime.advance(500)
    expect(channel.sent.slice(before).filter((text) => text.includes('"Q"')).length).toBe(2)
    hear(asked())
    answer('one')
    hear(writeMessage('other', { kind: 'bye' }))
    await runtime.advance(0)
    expect(result()).toEqual({ acknowledged: ['one'], lapsed: [] })
  })

  it('knows who is there only after it has listened for long enough', async () => {
    const { runtime, channel, hear, asked, answer, result } = await settledBarrier()
    channel.events?.onOpen()
    hear(asked())
    answer('one')
    answer('other')
    await runtime.advance(4900)
    expect(result()).toBeUndefined()
    await runtime.advance(350)
    expect(result()).toEqual({ acknowledged: ['one', 'other'], lapsed: [] })
  })

  it('rejects in time, and when the bus is stopped', async () => {
    const { runtime, bus, wait, result } = await settledBarrier()
    const short = bus.barrier([], 300)
    const caught = expect(short).rejects.toThrow('300 ms')
    await runtime.advance(300)
    await caught
    await runtime.until(bus.stop())
    await wait
    expect(result()).toMatch('stopped')
    expect(runtime.pendingTimers.length, 'the timer of the test itself').toBe(1)
  })

  it('is answered by those who hear the question', () => {
    const { channel, hear } = started()
    hear(writeMessage('other', { kind: 'ask', number: 3 }))
    expect(readMessage(channel.sent.at(-1) ?? '')?.message).toEqual({ kind: 'answer', number: 3, to: 'other' })
  })
})

describe('a message', () => {
  it('survives the way, in ASCII', () => {
    const changes: readonly BusChange[] = [
      { ...steel, key: 'é\0"\\\u{1f9ca}\u2028\ud800' },
      { ...steel, operation: 'delete', version: Number.MAX_SAFE_INTEGER },
      { ...steel, operation: 'expire' },
      { kind: 'tags', names: ['', 'a:é'], clock: 3 },
    ]
    const text = writeMessage('me "é"', { kind: 'changes', changes })
    expect(text).toMatch(/^[ -~]*$/)
    expect(readMessage(text)).toEqual({ source: 'me "é"', message: { kind: 'changes', changes } })
  })

  it('of a newer release, or with a part that is not known, says that something is lost', () => {
    for (const text of ['[2,"x","C",[]]', '[1,"x","Z"]', '[1,"x","C",[["Q","k",1]]]', '[1,"x","C",[["T",1,[2]]]]']) {
      expect(readMessage(text)).toEqual({ source: 'x', message: { kind: 'lost' } })
    }
  })

  it('that is none of ours is no message', () => {
    for (const text of ['', 'x', '{}', 'null', '[]', '[1]', '[1,2]', '["1","x"]', '[0,"x"]']) {
      expect(readMessage(text)).toBeUndefined()
    }
  })
})

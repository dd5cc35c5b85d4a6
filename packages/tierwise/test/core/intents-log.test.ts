import { describe, expect, test } from 'vitest'

import type { TierEvent } from '../../src/contract/events.ts'
import { Emitter } from '../../src/core/emitter.ts'
import { Intents } from '../../src/core/journal/intents.ts'
import { Journal } from '../../src/core/journal/journal.ts'
import { fakeRuntime } from '../../src/testing/index.ts'

/** The notes of a host: what a crash leaves. */
class Notes {
  readonly held = new Map<string, Uint8Array>()
  isFull = false
  writes = 0
  /** Writes wait for it. */
  gate: Promise<void> = Promise.resolve()

  async names(prefix: string): Promise<readonly string[]> {
    return [...this.held.keys()].filter((name) => name.startsWith(prefix))
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.held.get(name)
  }

  async save(name: string, bytes: Uint8Array | undefined): Promise<boolean> {
    this.writes++
    await this.gate
    if (this.isFull) return false
    if (bytes === undefined) this.held.delete(name)
    else this.held.set(name, bytes)
    return true
  }
}

/** A process that owes something to one tier, `redis`. */
function started(notes: Notes, options: { most?: number; plainPrefix?: string } = {}) {
  const runtime = fakeRuntime()
  const emitter = new Emitter()
  const events: TierEvent[] = []
  emitter.on('intent', (event) => void events.push(event))
  const journal = new Journal({ tier: 'disk', prefix: 'tw' })
  journal.use(notes)
  const sent: string[][] = []
  const cleared: [string, number][] = []
  const target = {
    name: 'redis',
    answers: false,
    delete: async (keys: readonly string[]) => {
      sent.push([...keys])
      return target.answers
    },
    clear: async (prefix: string, version: number) => {
      cleared.push([prefix, version])
      return target.answers
    },
  }
  const book = new Intents(target, {
    timers: runtime.timers,
    emitter,
    settings: { most: options.most ?? 100, retryMs: 1000 },
    log: journal.logOf('redis', options.plainPrefix),
  })
  return { book, journal, target, sent, cleared, events, runtime }
}

async function begun(notes: Notes, options?: Parameters<typeof started>[1]) {
  const life = started(notes, options)
  await life.journal.load()
  return life
}

describe('what a tier is owed', () => {
  test('is known to the next process, and delivered by it', async () => {
    const notes = new Notes()
    const first = await begun(notes)
    first.book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    first.book.keep('tw:1:n:b', 'tw:1:n:', 7)
    first.book.keepClear('tw:1:m:', 9)
    await first.book.saved()
    const second = await begun(notes)
    expect(second.book.pending).toBe(3)
    expect(second.book.covers('tw:1:n:a', 2 ** 53)).toBe(true)
    expect([7, 8].map((version) => second.book.covers('tw:1:n:b', version))).toEqual([true, false])
    expect([9, 10].map((version) => second.book.covers('tw:1:m:x', version))).toEqual([true, false])
    second.target.answers = true
    await second.runtime.advance(1000)
    expect(second.sent).toEqual([['tw:1:n:a', 'tw:1:n:b']])
    expect(second.cleared).toEqual([['tw:1:m:', 9]])
    await second.book.saved()
    expect(notes.held.size).toBe(0)
    expect((await begun(notes)).book.pending).toBe(0)
  })

  test('may be anything until the notes have been read, or could not be', async () => {
    const life = started(new Notes())
    expect([life.book.isIdle, life.book.covers('tw:1:n:a', 1)]).toEqual([false, true])
    life.journal.know()
    expect([life.book.isIdle, life.book.covers('tw:1:n:a', 1)]).toEqual([true, false])
  })

  test('is written down together when it comes together', async () => {
    const notes = new Notes()
    const { book } = await begun(notes)
    for (let at = 0; at < 50; at++) book.keep(`tw:1:n:${at}`, 'tw:1:n:', Infinity)
    await book.saved()
    expect(notes.writes).toBe(1)
  })

  test('is in a note before it counts as kept, also while another one is being written', async () => {
    const notes = new Notes()
    const { book } = await begun(notes)
    let open: () => void = () => {}
    notes.gate = new Promise((resolve) => (open = resolve))
    book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    const first = book.saved()
    await Promise.resolve().then(() => undefined)
    book.keep('tw:1:n:b', 'tw:1:n:', Infinity)
    let saved = 0
    const both = [first, book.saved()].map((each) => each.then(() => saved++))
    await fakeRuntime().settle()
    expect(saved).toBe(0)
    open()
    await Promise.all(both)
    expect((await begun(notes)).book.pending).toBe(2)
  })

  test('takes no more notes than it is worth', async () => {
    const notes = new Notes()
    const { book } = await begun(notes)
    for (let count = 0; count < 1000; count++) {
      book.keep(`tw:1:n:${count % 10}`, 'tw:1:n:', Infinity)
      await book.saved()
    }
    expect(notes.held.size).toBeLessThan(100)
    expect((await begun(notes)).book.pending).toBe(10)
  })

  test('is a clear of the namespace after too many keys', async () => {
    const notes = new Notes()
    const first = await begun(notes, { most: 3 })
    for (let at = 0; at < 5; at++) first.book.keep(`tw:1:n:${at}`, 'tw:1:n:', 10 + at)
    await first.book.saved()
    const second = await begun(notes)
    expect([13, 14].map((version) => second.book.covers('tw:1:n:any', version))).toEqual([true, false])
    expect(second.book.covers('tw:1:n:4', 14)).toBe(true)
  })

  test('of many processes is a clear too', async () => {
    const notes = new Notes()
    const lives = await Promise.all([begun(notes), begun(notes)])
    for (const [number, { book }] of lives.entries())
      for (let at = 0; at < 3; at++) book.keep(`tw:1:n:${number}${at}`, 'tw:1:n:', 10)
    await Promise.all(lives.map(({ book }) => book.saved()))
    const next = await begun(notes, { most: 4 })
    expect(next.book.covers('tw:1:n:any', 10)).toBe(true)
    next.target.answers = true
    await next.runtime.advance(1000)
    await next.book.saved()
    expect(notes.held.size).toBe(0)
  })

  test('is written again when it could not be', async () => {
    const notes = new Notes()
    const { book, runtime } = await begun(notes)
    notes.isFull = true
    book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    await book.saved()
    expect(notes.held.size).toBe(0)
    notes.isFull = false
    await runtime.advance(1000)
    expect((await begun(notes)).book.covers('tw:1:n:a', 1)).toBe(true)
  })

  test('is not forgotten when it is kept again while it is being delivered', async () => {
    const notes = new Notes()
    const { book, target, runtime } = await begun(notes)
    book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    await book.saved()
    let deliveries = 0
    target.delete = async () => {
      if (++deliveries > 1) return false
      book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
      return true
    }
    await runtime.advance(1000)
    expect(book.covers('tw:1:n:a', 1)).toBe(true)
    await book.saved()
    expect((await begun(notes)).book.covers('tw:1:n:a', 1)).toBe(true)
  })

  test('is cleared again when that failed while it was being cleared', async () => {
    const { book, target, runtime } = await begun(new Notes())
    book.keepClear('tw:1:n:', Infinity)
    target.answers = true
    target.clear = async () => {
      target.clear = async () => false
      book.keepClear('tw:1:n:', Infinity)
      return true
    }
    await runtime.advance(1000)
    expect(book.covers('tw:1:n:a', 1)).toBe(true)
  })

  test('is no note any more when a newer write has arrived', async () => {
    const notes = new Notes()
    const { book } = await begun(notes)
    book.keep('tw:1:n:a', 'tw:1:n:', 5)
    await book.saved()
    book.settle('tw:1:n:a', 6)
    await book.saved()
    expect(notes.held.size).toBe(0)
  })

  test('is no note either when that arrives while the note is being written', async () => {
    const notes = new Notes()
    const { book, runtime } = await begun(notes)
    let open: () => void = () => {}
    notes.gate = new Promise((resolve) => (open = resolve))
    book.keep('tw:1:n:a', 'tw:1:n:', 5)
    void book.saved()
    await runtime.settle()
    book.settle('tw:1:n:a', 6)
    open()
    await runtime.settle()
    await book.saved()
    expect(notes.held.size).toBe(0)
  })

  test('to another tier, under another prefix, or of plain keys is a matter of its own', async () => {
    const notes = new Notes()
    const first = await begun(notes)
    const plain = await begun(notes, { plainPrefix: 'users:' })
    first.book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    plain.book.keep('users:ann', 'users:', Infinity)
    await Promise.all([first.book.saved(), plain.book.saved()])
    expect((await begun(notes)).book.owed().keys.map(({ key }) => key)).toEqual(['tw:1:n:a'])
    expect((await begun(notes, { plainPrefix: 'users:' })).book.owed().keys.map(({ key }) => key)).toEqual([
      'users:ann',
    ])
    const other = new Journal({ tier: 'disk', prefix: 'other' })
    other.use(notes)
    await other.load()
    const log = other.logOf('redis')
    const adopted: unknown[] = []
    log.serve({ pending: 0, owed: () => ({ keys: [], clears: [] }), adopt: (owed) => adopted.push(owed) })
    expect(adopted).toEqual([])
  })

  test('is read by a view that is made later', async () => {
    const notes = new Notes()
    const first = await begun(notes, { plainPrefix: 'users:' })
    first.book.keep('users:ann', 'users:', Infinity)
    await first.book.saved()
    const { journal, runtime } = await begun(notes)
    const late = new Intents(
      { name: 'redis', delete: async () => true, clear: async () => true },
      {
        timers: runtime.timers,
        emitter: new Emitter(),
        settings: { most: 10, retryMs: 1000 },
        log: journal.logOf('redis', 'users:'),
      },
    )
    expect(late.covers('users:ann', 1)).toBe(true)
  })

  test.each([
    ['damaged', '{"format":1,"keys":[["a'],
    ['of a later release', '{"format":2}'],
    ['of something else', '{"format":1,"keys":[[1]],"clears":[]}'],
  ])('is everything when a note is %s', async (_, text) => {
    const notes = new Notes()
    const first = await begun(notes)
    first.book.keep('tw:1:n:a', 'tw:1:n:', Infinity)
    await first.book.saved()
    const [name = ''] = notes.held.keys()
    notes.held.set(name, new TextEncoder().encode(text))
    const second = await begun(notes)
    expect(second.book.covers('tw:1:other:b', 2 ** 53)).toBe(true)
    second.target.answers = true
    await second.runtime.advance(1000)
    expect(second.cleared).toEqual([['tw:', Infinity]])
    await second.book.saved()
    expect(notes.held.size).toBe(0)
  })

  test('is nothing that has to be removed when a note of plain keys cannot be read', async () => {
    const notes = new Notes()
    const first = await begun(notes, { plainPrefix: 'users:' })
    first.book.keep('users:ann', 'users:', Infinity)
    await first.book.saved()
    const [name = ''] = notes.held.keys()
    notes.held.set(name, Uint8Array.of(0xff))
    const second = await begun(notes, { plainPrefix: 'users:' })
    expect(second.book.pending).toBe(0)
    await second.book.saved()
    expect(notes.held.size).toBe(0)
  })
})

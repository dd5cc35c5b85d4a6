import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'

import { systemRuntime } from '../../../src/base/runtime.ts'
import { bundledChild, isWord, startChild } from './child-process.ts'
import { openedTier, readText, seenText, textRecord, type SeenText } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
let writer = ''
let hammer = ''
let visitor = ''
beforeAll(async () => {
  writer = await bundledChild('writer')
  hammer = await bundledChild('hammer')
  visitor = await bundledChild('visitor')
})

function isNumber(message: unknown): message is number {
  return typeof message === 'number'
}

/** Starts a writer, lets it run for a while and kills it; returns what it had been told is written. */
async function killedWriter(args: readonly string[], afterWrites: number): Promise<number[]> {
  const child = startChild(writer, args)
  await child.message((message): message is number => isNumber(message) && message >= afterWrites)
  child.process.kill('SIGKILL')
  await child.ended
  return child.messages.filter(isNumber)
}

describe('disk tier and processes that die', () => {
  it.each([1, 40])(
    'holds everything acknowledged with flush after a kill in the middle of %i writes at a time',
    async (width) => {
      const path = join(root, `killed-${width}`)
      const acknowledged = await killedWriter([path, 'flush', String(width)], 300)
      const { tier, events } = await openedTier({ path }, systemRuntime())
      expect(events).toEqual([])
      const read = await tier.get(
        acknowledged.map((version) => `tw:1:n:${version}`),
        (bytes) => Buffer.from(bytes).toString(),
      )
      const expected = acknowledged.map((each) =>
        Buffer.alloc(each % 50 === 0 ? 20_000 : 200, `value ${each} `).toString(),
      )
      expect(read).toEqual(expected)
      await tier.close()
    },
  )

  it('shows what a process wrote with flush to another while both are open', async () => {
    const path = join(root, 'both')
    const { tier } = await openedTier({ path }, systemRuntime())
    const child = startChild(writer, [path, 'flush', '1', 'once'])
    await child.message(isWord('written'))
    const lengths = await tier.get(['tw:1:n:1', 'tw:1:n:10'], (bytes) => bytes.length)
    expect(lengths).toEqual([200, 200])
    child.process.kill('SIGKILL')
    await child.ended
    await tier.close()
  })

  it.each([
    ['none', true],
    ['flush', false],
    ['fsync', false],
  ] as const)('after a kill with durability %s: distrusts what it holds: %s', async (durability, isDistrusted) => {
    const path = join(root, `phantom-${durability}`)
    const before = await openedTier({ path, durability: 'flush' }, systemRuntime())
    await before.tier.set([textRecord('tw:1:n:old', 1)])
    await before.tier.close()
    const child = startChild(writer, [path, durability, '1', 'once'])
    await child.message(isWord('written'))
    child.process.kill('SIGKILL')
    await child.ended

    const { tier, events } = await openedTier({ path, durability }, systemRuntime())
    const notices = events.map((event) => (event.type === 'tier-notice' ? event.notice : event.type))
    expect(notices).toEqual(isDistrusted ? ['distrusted'] : [])
    const [old] = await tier.get<SeenText>(['tw:1:n:old'], seenText)
    expect(old).toEqual({ text: 'text of tw:1:n:old', isSoftExpired: isDistrusted })
    // An old version that is written after the crash is to be trusted, whatever its number.
    await tier.set([textRecord('tw:1:n:promoted', 1)])
    expect(await tier.get(['tw:1:n:promoted'], (bytes) => seenText(bytes).isSoftExpired)).toEqual([false])
    await tier.close()
  })

  it('keeps three processes on one folder in order', async () => {
    const path = join(root, 'hammered')
    const children = [1, 2, 3].map((seed) => startChild(hammer, [path, String(seed), '1500']))
    const isReport = (message: unknown): message is { newest: Record<string, number> } =>
      typeof message === 'object' && message !== null && 'newest' in message
    const reports = await Promise.all(children.map((child) => child.message(isReport)))
    for (const child of children) {
      expect(child.messages.filter((message) => !isReport(message))).toEqual([])
      expect(await child.ended).toEqual([0, null])
    }
    const { tier } = await openedTier({ path }, systemRuntime())
    for (const key of Object.keys(reports[0]?.newest ?? {})) {
      const newest = Math.max(...reports.map((report) => report.newest[key] ?? 0))
      const text = await readRaw(tier, key)
      // Either the newest write of all three, or the newest was a deletion.
      expect([`${key}|${newest}`, undefined]).toContain(text)
      expect(await tier.set([{ key, version: newest - 1, expiresAt: Infinity, bytes: Buffer.from('late') }])).toEqual([
        'superseded',
      ])
    }
    await tier.close()
  })

  it('leaves nothing behind that keeps a process alive', async () => {
    const child = startChild(visitor, [join(root, 'visited')])
    expect(await child.ended).toEqual([0, null])
    expect(child.errors()).toBe('')
  })

  it('survives the death of a process in the middle of opening', async () => {
    const path = join(root, 'half-open')
    const { tier } = await openedTier({ path }, systemRuntime())
    await tier.set([textRecord('tw:1:n:a', 1)])
    const child = startChild(writer, [path, 'flush', '1'])
    child.process.kill('SIGKILL')
    await child.ended
    await tier.close()
    const again = await openedTier({ path }, systemRuntime())
    expect(await readText(again.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await again.tier.close()
  })
})

async function readRaw(
  tier: { get<T>(keys: readonly string[], decode: (bytes: Uint8Array) => T): Promise<readonly (T | undefined)[]> },
  key: string,
) {
  const [text] = await tier.get([key], (bytes) => Buffer.from(bytes).toString())
  return text
}

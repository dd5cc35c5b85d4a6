import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { findSessions, thisSession, type Session } from '../../../src/tiers/disk/session.ts'
import { openedTier, seenText, textRecord } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
let folders = 0

/** Opens a folder with one record in which a session was left behind; whether the record is still trusted. */
async function isTrustedAfter(left: Partial<Session> | string): Promise<boolean> {
  const path = join(root, String(folders++))
  const before = await openedTier({ path })
  await before.tier.set([textRecord('tw:1:n:a', 1)])
  await before.tier.close()
  const text = typeof left === 'string' ? left : JSON.stringify({ ...thisSession('flush', 0), ...left })
  writeFileSync(join(path, 'session-1-1.json'), text)
  const { tier } = await openedTier({ path })
  const [seen] = await tier.get(['tw:1:n:a'], seenText)
  await tier.close()
  return seen?.isSoftExpired === false
}

// Above every pid that Linux gives, so it is nobody's.
const nobody = 2 ** 22 + 1

describe('disk sessions', () => {
  it.each([
    ['a clean end of everybody but this process', {}, true],
    ['a kill with flush', { pid: nobody }, true],
    ['a kill with none', { pid: nobody, durability: 'none' }, false],
    ['a crash of the machine with flush', { bootId: 'another' }, false],
    ['a crash of the machine with none', { bootId: 'another', durability: 'none' }, false],
    ['a crash of the machine with fsync', { bootId: 'another', durability: 'fsync' }, true],
    ['a kill with none of a process whose pid was given away', { startedAt: '1', durability: 'none' }, false],
    ['a kill with none in another container', { pidNamespace: 'pid:[1]', durability: 'none' }, false],
    ['an end in the middle of writing the session', '{"pid":', false],
  ] as const)('after %s: whether the record is trusted', async (_, left, isTrusted) => {
    expect(await isTrustedAfter(left)).toBe(isTrusted)
  })

  it('distrust is permanent for a record and over with its next write', async () => {
    const path = join(root, String(folders++))
    const first = await openedTier({ path })
    await first.tier.set([textRecord('tw:1:n:a', 1), textRecord('tw:1:n:b', 1)])
    await first.tier.close()
    writeFileSync(join(path, 'session-1-1.json'), '')
    const second = await openedTier({ path })
    await second.tier.set([textRecord('tw:1:n:b', 2)])
    await second.tier.close()
    const third = await openedTier({ path })
    expect(third.events).toEqual([])
    const flags = await third.tier.get(['tw:1:n:a', 'tw:1:n:b'], (bytes) => seenText(bytes).isSoftExpired)
    expect(flags).toEqual([true, false])
    await third.tier.close()
  })

  it('is one file while the tier is open and none afterwards', async () => {
    const path = join(root, String(folders++))
    const { tier } = await openedTier({ path, durability: 'none' })
    const found = findSessions(path, thisSession('none', 0))
    expect(found.live.map(({ session }) => session)).toEqual([
      expect.objectContaining({ pid: process.pid, durability: 'none' }),
    ])
    expect(found.dead).toEqual([])
    await tier.close()
    expect(readdirSync(path).filter((name) => name.startsWith('session'))).toEqual([])
  })
})

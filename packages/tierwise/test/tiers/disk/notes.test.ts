import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import type { NoteStore } from '../../../src/contract/tier.ts'
import { openedTier } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
let folders = 0

interface Opened {
  readonly notes: NoteStore
  readonly path: string
  close(): Promise<void>
}

async function opened(path: string = join(root, String(folders++))): Promise<Opened> {
  const { tier } = await openedTier({ path })
  return { notes: tier.notes!, path, close: () => tier.close() }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Turns a bit of the only place where the text lies. */
function damage(path: string, found: string): void {
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  let at = bytes.indexOf(found)
  expect(at).toBeGreaterThan(0)
  for (; at !== -1; at = bytes.indexOf(found, at + 1)) bytes[at]! ^= 1
  writeFileSync(file, bytes)
}

describe('notes of the disk tier', () => {
  it('are seen by every process that shares the folder', async () => {
    const one = await opened()
    const other = await opened(one.path)
    await one.notes.set('a', text('of one'))
    await other.notes.set('b', text('of the other'))
    expect(await one.notes.names('')).toEqual(['a', 'b'])
    expect(await other.notes.get('a')).toEqual(text('of one'))
    await Promise.all([one.close(), other.close()])
  })

  it('are not mistaken for anything else when they are damaged', async () => {
    const one = await opened()
    await one.notes.set('a', text('recognizable'))
    await one.notes.set('b', text('sound'))
    await one.close()
    damage(one.path, 'recognizable')
    const other = await opened(one.path)
    expect(await other.notes.names('')).toEqual(['a', 'b'])
    await expect(other.notes.get('a')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ', tier: 'disk' })
    expect(await other.notes.get('b')).toEqual(text('sound'))
    await other.notes.set('a', undefined)
    expect(await other.notes.names('')).toEqual(['b'])
    await other.close()
  })

  it('still have a name when their head is damaged', async () => {
    const one = await opened()
    await one.notes.set('a', text('sound'))
    await one.close()
    damage(one.path, Buffer.from('note/a', 'utf16le').toString('latin1'))
    const other = await opened(one.path)
    expect(await other.notes.names('')).toEqual(['a'])
    await expect(other.notes.get('a')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ' })
    await other.close()
  })
})

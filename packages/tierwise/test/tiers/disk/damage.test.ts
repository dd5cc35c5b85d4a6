import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { crc32 } from 'node:zlib'

import { TierError } from '../../../src/errors.ts'
import { bundledChild, startChild } from './child-process.ts'
import { createdTier, openedTier, readText, textRecord, type OpenedTier } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
const sound = join(root, 'sound')

function checkedRecord(key: string, version: number) {
  // Every tenth record has pages of its own.
  const text = Buffer.from(`${key}|value of ${key} ${'x'.repeat(version % 10 === 0 ? 9000 : 300)}`)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(crc32(text))
  return { key, version, expiresAt: Infinity, bytes: Buffer.concat([checksum, text]) }
}

beforeAll(async () => {
  const { tier } = await openedTier({ path: sound })
  for (let part = 0; part < 4; part++) {
    const keys = Array.from({ length: 100 }, (_, index) => `tw:1:n:${part * 100 + index}`)
    await tier.set(keys.map((key, index) => checkedRecord(key, index + 1)))
    await tier.delete([`tw:1:gone:${part}`], 1)
  }
  // Leaves free pages behind.
  await tier.set(Array.from({ length: 200 }, (_, index) => checkedRecord(`tw:1:m:${index}`, 1)))
  await tier.clear('tw:1:m:', 2)
  await tier.close()
})

function copyOfSound(name: string): string {
  const path = join(root, name)
  cpSync(sound, path, { recursive: true })
  return path
}

function noticesOf({ events }: Pick<OpenedTier, 'events'>): string[] {
  return events.flatMap((event) => (event.type === 'tier-notice' ? [event.notice] : []))
}

function quarantines(path: string): string[] {
  return readdirSync(path).filter((name) => name.startsWith('quarantine-'))
}

async function refusal(path: string): Promise<unknown> {
  const { tier } = createdTier({ path })
  return tier.open().then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('disk tier and damaged files', () => {
  it.each(['flip', 'cut'])('never crashes, throws or serves a wrong value after a %s of its file', async (kind) => {
    const seeds = 60
    const child = startChild(await bundledChild('survivor'), [sound, root, '1', String(seeds), kind])
    expect([await child.ended, child.messages.at(-1), child.errors()]).toEqual([[0, null], expect.anything(), ''])
    const reports = child.messages.filter(
      (message): message is Report => typeof message === 'object' && message !== null && 'wrong' in message,
    )
    expect(reports).toHaveLength(seeds)
    expect(reports.filter(({ wrong }) => wrong.length > 0)).toEqual([])
    // Both kinds of answer occur, or the test would prove nothing.
    expect(reports.filter(({ notices }) => notices.includes('quarantined')).length).toBeGreaterThan(5)
    if (kind === 'flip') expect(reports.filter(({ found }) => found > 390).length).toBeGreaterThan(5)
  })

  it('opens a sound file without a word and without a quarantine', async () => {
    const path = copyOfSound('untouched')
    const opened = await openedTier({ path })
    expect(opened.events).toEqual([])
    expect((await opened.tier.usage()).entries).toBe(400)
    expect(quarantines(path)).toEqual([])
    await opened.tier.close()
  })

  it('moves a file of garbage aside and starts empty', async () => {
    const path = join(root, 'garbage')
    mkdirSync(path)
    const garbage = Buffer.alloc(50_000, 'garbage')
    writeFileSync(join(path, 'data.mdb'), garbage)
    const opened = await openedTier({ path })
    expect(noticesOf(opened)).toEqual(['quarantined'])
    expect(opened.opening.highestVersion).toBe(0)
    await opened.tier.set([textRecord('tw:1:n:a', 1)])
    expect(await readText(opened.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await opened.tier.close()
    const [place = ''] = quarantines(path)
    expect(readFileSync(join(path, place, 'data.mdb')).equals(garbage)).toBe(true)
  })

  it('keeps only the latest quarantine', async () => {
    const path = copyOfSound('twice')
    for (const size of [10_000, 8192]) {
      truncateSync(join(path, 'data.mdb'), size)
      const opened = await openedTier({ path })
      expect(noticesOf(opened)).toEqual(['quarantined'])
      await opened.tier.close()
    }
    expect(quarantines(path)).toHaveLength(1)
  })

  it('takes an empty data file as a new database', async () => {
    const path = join(root, 'empty')
    mkdirSync(path)
    writeFileSync(join(path, 'data.mdb'), '')
    const opened = await openedTier({ path })
    expect(opened.events).toEqual([])
    await opened.tier.close()
  })

  it('leaves the database alone while another tier has it open', async () => {
    const path = copyOfSound('shared')
    const first = await openedTier({ path })
    await first.tier.set([textRecord('tw:1:n:a', 1)])
    const second = await openedTier({ path })
    expect([...noticesOf(first), ...noticesOf(second)]).toEqual([])
    expect(await readText(second.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await first.tier.close()
    expect(await readText(second.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await second.tier.close()
  })
})

interface Report {
  readonly wrong: readonly string[]
  readonly found: number
  readonly notices: readonly string[]
}

describe('disk tier and folders it cannot use', () => {
  const mounts: string[] = []
  afterAll(() => {
    for (const mount of mounts) execFileSync('umount', ['-l', mount], { stdio: 'ignore' })
  })

  /** A small file system of its own, or undefined where this process may not mount one. */
  function mounted(name: string, options: string): string | undefined {
    const path = join(root, name)
    mkdirSync(path)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
    } catch {
      return undefined
    }
    mounts.push(path)
    return path
  }

  it('refuses a folder of a newer layout, touches nothing and says what to do', async () => {
    const path = copyOfSound('newer')
    writeFileSync(join(path, 'layout'), '99\n')
    const before = statSync(join(path, 'data.mdb')).mtimeMs
    const error = await refusal(path)
    expect(error).toBeInstanceOf(TierError)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', tier: 'disk', operation: 'open' })
    expect(String(error)).toMatch(/newer release.*upgrade, or choose another folder/)
    expect(statSync(join(path, 'data.mdb')).mtimeMs).toBe(before)
    expect(readdirSync(path).toSorted()).toEqual(readdirSync(sound).toSorted())
  })

  it('refuses a path that is a file', async () => {
    const path = join(root, 'a-file')
    writeFileSync(path, 'text')
    expect(await refusal(path)).toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('is a file'),
    })
    expect(await refusal(join(path, 'below'))).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
  })

  it('refuses a read-only folder and says what to do', async () => {
    const path = mounted('read-only', 'size=4m')
    if (path === undefined) return expect(process.getuid?.()).not.toBe(0)
    cpSync(sound, path, { recursive: true })
    execFileSync('mount', ['-o', 'remount,ro', path])
    const error = await refusal(path)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', message: expect.stringContaining('read-only') })
  })

  it('refuses to open on a full disk instead of mapping a lock file without blocks', async () => {
    const path = mounted('no-space', 'size=64k')
    if (path === undefined) return expect(process.getuid?.()).not.toBe(0)
    expect(await refusal(path)).toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('space'),
    })
  })

  it('rejects writes on a full disk, goes on reading, and goes on writing when there is room again', async () => {
    const path = mounted('small', 'size=2m')
    if (path === undefined) return expect(process.getuid?.()).not.toBe(0)
    const { tier } = await openedTier({ path: join(path, 'cache') })
    let written = 0
    const fill = async (): Promise<void> => {
      for (; written < 1000; written++) await tier.set([textRecord(`tw:1:n:${written}`, 1, 'x'.repeat(10_000))])
    }
    // lmdb-js prints each failed commit as well.
    const silence = vi.spyOn(console, 'error').mockImplementation(() => {})
    const failure = await fill().catch((error: unknown) => error)
    const several = await Promise.allSettled(
      [1, 2, 3].map((index) => tier.set([textRecord(`tw:1:o:${index}`, 1, 'x'.repeat(100_000))])),
    )
    expect(several.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    silence.mockRestore()
    expect(failure).toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', tier: 'disk', retryable: true })
    expect(String(failure)).toMatch(/is the disk full/)
    const keys = Array.from({ length: written }, (_, index) => `tw:1:n:${index}`)
    expect((await tier.get(keys, (bytes) => bytes.length)).every((length) => length === 10_004)).toBe(true)
    execFileSync('mount', ['-o', 'remount,size=8m', path])
    expect(await tier.set([textRecord('tw:1:n:more', 1)])).toEqual(['applied'])
    expect(await readText(tier, 'tw:1:n:more')).toBe('text of tw:1:n:more')
    await tier.close()
    expect(existsSync(path)).toBe(true)
  })
})

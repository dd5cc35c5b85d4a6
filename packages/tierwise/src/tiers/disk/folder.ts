import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  unwatchFile,
  watchFile,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { getSystemErrorName } from 'node:util'

import type { Runtime, Timers } from '../../contract/runtime.ts'
import { TierError } from '../../errors.ts'
import { isRunning, syncFolder, thisSession, type Session } from './session.ts'

/** Raised when a release lays the folder out in a way that older releases must not touch. */
const layoutVersion = 1
const layoutFile = 'layout'
const openingFile = 'opening'
const dataFile = 'data.mdb'
const lockFile = 'data.mdb-lock'
/** Creating an empty database and a session takes less than this. */
const neededToOpen = 256 * 1024
/** Room for the header and 126 readers. */
const lockFileBytes = 16 * 1024
const watchMs = 10
/** Time after which a waiting process looks whether the holder still lives. */
const holderCheckMs = 1000

/** The folder of a disk tier: its layout version, who is opening it, and the place where a damaged database goes. */
export class Folder {
  readonly path: string
  readonly #tier: string

  constructor(path: string, tier: string) {
    this.path = path
    this.#tier = tier
  }

  get dataFile(): string {
    return join(this.path, dataFile)
  }

  hasData(): boolean {
    return existsSync(this.dataFile)
  }

  /** @throws TierError when the folder cannot be written, is full, or belongs to a newer release. */
  prepare(): void {
    try {
      mkdirSync(this.path, { recursive: true })
      this.#checkLayout()
      const probe = join(this.path, `probe-${process.pid}`)
      closeSync(openSync(probe, 'w'))
      rmSync(probe, { force: true })
    } catch (error) {
      throw openError(this.#tier, this.path, error)
    }
    const { bavail, bsize } = statfsSync(this.path)
    // The lock file is written through a mapping, which on a full disk kills the process instead of failing.
    if (bavail * bsize < neededToOpen) {
      throw failedOpen(this.#tier, `No space is left in ${this.path}: free at least 256 KiB, or choose another folder`)
    }
  }

  /** Runs `work` while no other process opens this folder. */
  async exclusively<T>(runtime: Runtime, work: () => Promise<T>): Promise<T> {
    const file = join(this.path, openingFile)
    const own = thisSession('flush', runtime.clock.now())
    while (!claim(file, own)) await changeOf(file, runtime.timers)
    try {
      return await work()
    } finally {
      rmSync(file, { force: true })
    }
  }

  /** Gives the lock file its blocks before it is mapped, for the same reason. */
  allocateLockFile(): void {
    const file = join(this.path, lockFile)
    if (existsSync(file)) return
    const handle = openSync(file, 'w')
    try {
      writeSync(handle, Buffer.alloc(lockFileBytes))
    } finally {
      closeSync(handle)
    }
  }

  /** Moves the database aside and returns where to. Only the latest is kept, so that damage cannot fill the disk. */
  quarantine(now: number): string {
    for (const name of readdirSync(this.path)) {
      if (name.startsWith('quarantine-')) rmSync(join(this.path, name), { recursive: true, force: true })
    }
    const place = join(this.path, `quarantine-${Math.round(now)}`)
    mkdirSync(place, { recursive: true })
    for (const name of [dataFile, lockFile]) {
      if (existsSync(join(this.path, name))) renameSync(join(this.path, name), join(place, name))
    }
    syncFolder(this.path)
    return place
  }

  #checkLayout(): void {
    const file = join(this.path, layoutFile)
    if (!existsSync(file)) {
      // Renaming makes the file appear whole to another process that opens the folder at the same time.
      const draft = `${file}-${process.pid}`
      const handle = openSync(draft, 'w')
      writeSync(handle, `${layoutVersion}\n`)
      closeSync(handle)
      renameSync(draft, file)
      return
    }
    const found = Number(readFileSync(file, 'utf8').trim())
    if (found === layoutVersion) return
    const owner =
      found > layoutVersion ? `a newer release (layout ${found}, this one knows ${layoutVersion})` : 'something else'
    throw failedOpen(this.#tier, `The folder ${this.path} was written by ${owner}: upgrade, or choose another folder`)
  }
}

/** True when this process now holds the file; takes it over from a process that died with it. */
function claim(file: string, own: Session): boolean {
  try {
    const handle = openSync(file, 'wx')
    writeSync(handle, JSON.stringify(own))
    closeSync(handle)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const holder = readHolder(file)
  if (holder !== undefined && !isRunning(holder, own)) rmSync(file, { force: true })
  return false
}

/** Resolves when the file changes or goes, or after a while. The watcher keeps the process alive, which no timer here does. */
function changeOf(file: string, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      unwatchFile(file, done)
      timer.cancel()
      resolve()
    }
    const timer = timers.after(holderCheckMs, done)
    watchFile(file, { interval: watchMs }, done)
  })
}

function readHolder(file: string): Session | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Session
  } catch {
    // It has just been created or removed.
    return undefined
  }
}

const advice: Readonly<Record<string, string>> = {
  EACCES: 'give the process write permission, or choose another folder',
  EPERM: 'give the process write permission, or choose another folder',
  EROFS: 'the file system is read-only; mount it writable, or choose another folder',
  ENOSPC: 'the disk is full; free some space, or choose another folder',
  ENOTDIR: 'a part of the path is a file; choose another folder',
  EEXIST: 'the path is a file; choose another folder',
}

/** What to do about a folder that cannot be opened. */
export function openError(tier: string, path: string, error: unknown): TierError {
  if (error instanceof TierError) return error
  const name = systemErrorName(error) ?? 'unknown error'
  return failedOpen(tier, `The folder ${path} cannot be opened (${name}): ${advice[name] ?? 'see the cause'}`, error)
}

/** `EACCES` and the like, for errors of Node and of LMDB, which gives the number; undefined for errors of LMDB itself. */
export function systemErrorName(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown }
  if (typeof code === 'string') return code.startsWith('E') ? code : undefined
  return typeof code === 'number' && code > 0 && code < 4096 ? getSystemErrorName(-code) : undefined
}

function failedOpen(tier: string, message: string, cause?: unknown): TierError {
  return new TierError(message, { code: 'ERR_CACHE_TIER_OPEN', operation: 'open', tier, cause })
}

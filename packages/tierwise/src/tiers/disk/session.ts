/**
 * Who has the folder open, and how the last ones ended.
 *
 * Each open tier keeps a small file `session-*.json`, synced before the database is opened and removed once everything
 * is flushed at `close`. A file whose process is gone is therefore an unclean end. It matters in two cases: with
 * durability `none` acknowledged writes may have died in the queue of the process, and with `flush` they may have died
 * in the page cache when the whole machine went down (the boot id tells). Then a record on disk may be older than what
 * was acknowledged, and it must not come back as fresh. Deletions are committed before they are acknowledged, whatever
 * the durability, so only superseded values are at stake.
 *
 * The answer is a trust generation: a number in the database, raised by such an open, and written into each record. A
 * record of an earlier generation is shown with the soft-expired flag of its frame set, so it can stand in when a
 * loader fails but is never fresh. A watermark over versions would do the same, but it would also distrust a good copy
 * that is promoted after the crash and carries an old version.
 *
 * The files lie beside the database, not in it, because they must be readable before it is safe to map it, and must not
 * roll back with it. A process in another pid namespace counts as gone: containers may hand a folder on, not share it.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Durability } from './options.ts'

/** What a session file says. */
export interface Session {
  readonly pid: number
  /** When the process started, in clock ticks since boot: tells a reused pid. */
  readonly startedAt: string | undefined
  readonly pidNamespace: string | undefined
  readonly bootId: string | undefined
  readonly openedAt: number
  readonly durability: Durability
}

export interface FoundSession {
  readonly file: string
  /** Undefined when the file is unreadable: an end in the middle of an open. */
  readonly session: Session | undefined
}

const filePattern = /^session-.+\.json$/

export function thisSession(durability: Durability, openedAt: number): Session {
  return {
    pid: process.pid,
    startedAt: processStart(process.pid),
    pidNamespace: readText(() => readlinkSync('/proc/self/ns/pid')),
    bootId: readText(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    openedAt,
    durability,
  }
}

/** Writes and syncs the file; returns its path. */
export function writeSession(folder: string, session: Session): string {
  const [file, handle] = createSessionFile(folder, session.pid)
  try {
    writeSync(handle, JSON.stringify(session))
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  syncFolder(folder)
  return file
}

/** One process may have several, for tiers of several managers. */
function createSessionFile(folder: string, pid: number): [file: string, handle: number] {
  for (let count = 1; ; count++) {
    const file = join(folder, `session-${pid}-${count}.json`)
    try {
      return [file, openSync(file, 'wx')]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

export function removeSessions(files: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true })
}

/** The sessions in the folder, split into those whose process runs and those whose process is gone. */
export function findSessions(folder: string, own: Session): { live: FoundSession[]; dead: FoundSession[] } {
  const found = readdirSync(folder)
    .filter((name) => filePattern.test(name))
    .map((name) => readSession(join(folder, name)))
  return {
    live: found.filter(({ session }) => session !== undefined && isRunning(session, own)),
    dead: found.filter(({ session }) => session === undefined || !isRunning(session, own)),
  }
}

/** Whether writes acknowledged by a session that ended without `close` may be missing now. */
export function mayHaveLostWrites(session: Session | undefined, bootId: string | undefined): boolean {
  if (session === undefined || session.durability === 'none') return true
  if (session.durability === 'fsync') return false
  return session.bootId === undefined || session.bootId !== bootId
}

/** Whether the process that wrote this session still runs. */
export function isRunning(session: Session, own: Session): boolean {
  if (session.bootId !== own.bootId || session.pidNamespace !== own.pidNamespace) return false
  try {
    process.kill(session.pid, 0)
  } catch (error) {
    // EPERM means that it runs as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return session.startedAt === processStart(session.pid)
}

/** A rename or a new file survives a power loss only once its folder is synced; Windows cannot open folders and need not. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function readSession(file: string): FoundSession {
  try {
    return { file, session: JSON.parse(readFileSync(file, 'utf8')) as Session }
  } catch {
    return { file, session: undefined }
  }
}

function processStart(pid: number): string | undefined {
  // The name of the program, in parentheses, may contain spaces; the start time is the 20th field after it.
  return readText(() => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[20])
}

function readText(read: () => string | undefined): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

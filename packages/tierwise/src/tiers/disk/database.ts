/**
 * The LMDB environment of a disk tier: opened only after its pages were checked, with sub-databases for each concern.
 *
 * One process at a time opens a folder. If nobody else has it open, the file is checked first, and moved aside when it
 * cannot be used; a cache that starts empty is better than one that does not start. While others have it open it has
 * been checked already, and moving it would split them from us.
 */
import type { TierContext } from '../../contract/tier.ts'
import { ConfigError, TierError } from '../../errors.ts'
import { raiseGeneration } from './control.ts'
import { openError, systemErrorName, type Folder } from './folder.ts'
import type { Durability } from './options.ts'
import { findDamage } from './page-check.ts'
import {
  findSessions,
  mayHaveLostWrites,
  removeSessions,
  thisSession,
  writeSession,
  type FoundSession,
  type Session,
} from './session.ts'
import { storedKeyEncoder, type StoredKey } from './stored-key.ts'

/** What the tier uses of an LMDB database. */
export interface Store {
  /** The bytes as LMDB hands them out: valid until the next read, and longer than their `length` says. */
  getBinaryFast(key: StoredKey): Buffer | undefined
  /** Only inside `transact`. */
  put(key: StoredKey, value: Uint8Array): unknown
  /** Only inside `transact`. */
  remove(key: StoredKey): unknown
  getKeys(options: KeyOptions): Iterable<Uint8Array>
  getStats(): unknown
}

export interface KeyOptions {
  start?: Uint8Array
  end?: Uint8Array
  limit?: number
  exclusiveStart?: boolean
}

interface Environment extends Store {
  openDB(options: object): Store
  transaction<T>(work: () => T): Promise<T>
  sync(done: (error?: Error | null) => void): void
  resetReadTxn(): void
  close(): Promise<void>
}

export const storeNames = ['entries', 'tombstones', 'floors', 'tags', 'state'] as const
type Stores = Record<(typeof storeNames)[number], Store>

export interface DatabaseOptions {
  readonly folder: Folder
  readonly durability: Durability
  readonly context: TierContext
}

/** Opens the folder, after moving a damaged database aside. @throws TierError ERR_CACHE_TIER_OPEN, ConfigError ERR_CACHE_PEER_MISSING */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { folder, context } = options
  const lmdb = await importLmdb(context.name)
  folder.prepare()
  return folder.exclusively(context, async () => {
    const own = thisSession(options.durability, context.clock.now())
    const sessions = findSessions(folder.path, own)
    const isAlone = sessions.live.length === 0
    if (isAlone) await checkFile(options)
    const environment = openEnvironment(lmdb, options, isAlone)
    const database = new Database(environment, context.name)
    try {
      await settleSessions(database, options, { own, dead: sessions.dead })
    } catch (error) {
      await database.close()
      throw openError(context.name, folder.path, error)
    }
    return database
  })
}

type OpenLmdb = (options: object) => Environment

async function importLmdb(tier: string): Promise<OpenLmdb> {
  try {
    const lmdb = await import('lmdb')
    return lmdb.open as unknown as OpenLmdb
  } catch (cause) {
    throw new ConfigError(`The tier ${tier} needs the package lmdb: npm install lmdb`, {
      code: 'ERR_CACHE_PEER_MISSING',
      operation: 'open',
      tier,
      cause,
    })
  }
}

async function checkFile(options: DatabaseOptions): Promise<void> {
  const { folder } = options
  if (!folder.hasData()) return
  const damage = await findDamage(folder.dataFile, storeNames).catch((error: unknown) => {
    throw openError(options.context.name, folder.path, error)
  })
  if (damage !== undefined) quarantine(options, damage)
}

function quarantine({ folder, context }: DatabaseOptions, damage: string): void {
  const place = folder.quarantine(context.clock.now())
  const detail = `The database could not be used (${damage}); it was moved to ${place} and an empty one was started`
  context.report({ type: 'tier-notice', tier: context.name, notice: 'quarantined', detail })
}

function openEnvironment(lmdb: OpenLmdb, options: DatabaseOptions, isAlone: boolean): Environment {
  const { folder, context } = options
  const open = (): Environment => {
    folder.allocateLockFile()
    // Without sync a commit costs a tenth of a millisecond and lives in the page cache, which survives the process. A
    // crash of the machine may leave any mixture of pages on the device; the next open finds that, or distrusts the rest.
    // The overlapping sync of lmdb-js would flush after each commit and hold up the next, so it is off.
    const noSync = options.durability !== 'fsync'
    // With its batching by turn lmdb-js makes promises that nobody holds; when the disk is full they would reject unhandled.
    const eventTurnBatching = false
    const path = folder.dataFile
    return lmdb({ path, noSubdir: true, maxDbs: storeNames.length, noSync, overlappingSync: false, eventTurnBatching })
  }
  try {
    return open()
  } catch (error) {
    if (!isAlone || systemErrorName(error) !== undefined || !folder.hasData())
      throw openError(context.name, folder.path, error)
    quarantine(options, error instanceof Error ? error.message : 'unreadable')
  }
  try {
    return open()
  } catch (error) {
    throw openError(context.name, folder.path, error)
  }
}

/** Draws the consequences of unclean ends, then replaces the files of the dead by one of our own. */
async function settleSessions(
  database: Database,
  { folder, context }: DatabaseOptions,
  { own, dead }: { readonly own: Session; readonly dead: readonly FoundSession[] },
): Promise<void> {
  const isLossy = dead.some(({ session }) => mayHaveLostWrites(session, own.bootId))
  if (isLossy && (await raiseGeneration(database, own.openedAt))) {
    const detail = 'The last process ended without closing the tier; records from before serve as fallback only'
    context.report({ type: 'tier-notice', tier: context.name, notice: 'distrusted', detail })
  }
  database.sessionFile = writeSession(folder.path, own)
  removeSessions(dead.map(({ file }) => file))
}

/** An open environment. Writes go through `transact`. */
export class Database implements Stores {
  readonly entries: Store
  readonly tombstones: Store
  readonly floors: Store
  readonly tags: Store
  readonly state: Store
  sessionFile: string | undefined
  readonly #environment: Environment
  readonly #tier: string
  readonly #running = new Set<Promise<unknown>>()

  constructor(environment: Environment, tier: string) {
    this.#environment = environment
    this.#tier = tier
    const open = (name: string): Store => environment.openDB({ name, encoding: 'binary', keyEncoder: storedKeyEncoder })
    this.entries = open('entries')
    this.tombstones = open('tombstones')
    this.floors = open('floors')
    this.tags = open('tags')
    this.state = open('state')
  }

  /**
   * Runs `work` inside a write transaction and resolves once it is committed: visible to every process, and safe from
   * a crash of this one; with durability `fsync` it is on the device. Work of the same turn shares a commit. `work` must
   * not throw after it wrote.
   */
  async transact<T>(work: () => T): Promise<T> {
    const running = this.#commit(work)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #commit<T>(work: () => T): Promise<T> {
    try {
      return await this.#environment.transaction(work)
    } catch (error) {
      const cause = await commitErrorOf(error)
      throw new TierError(`The tier ${this.#tier} could not write: ${reasonOf(cause)}`, {
        code: 'ERR_CACHE_TIER_WRITE',
        operation: 'set',
        tier: this.#tier,
        retryable: true,
        cause,
      })
    }
  }

  /** LMDB keeps a snapshot for the rest of the event loop turn; this lets go of it. */
  refreshReads(): void {
    this.#environment.resetReadTxn()
  }

  /** Bytes of the pages in use, and of the file. */
  space(): { readonly used: number; readonly file: number; readonly entries: number } {
    const stats = this.entries.getStats() as EnvironmentStats
    const others = [this.tombstones, this.floors, this.tags, this.state].map((store) => store.getStats() as PageStats)
    const pages = [stats, stats.root, stats.free, ...others].reduce((sum, part) => sum + pagesOf(part), 2)
    return {
      used: pages * stats.root.pageSize,
      file: (stats.lastPageNumber + 1) * stats.root.pageSize,
      entries: stats.entryCount,
    }
  }

  /** Waits for running work, flushes, and only then takes back the session file: its absence says that all is well. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running)
    const isFlushed = await new Promise<boolean>((resolve) => this.#environment.sync((error) => resolve(!error)))
    await this.#environment.close()
    if (isFlushed && this.sessionFile !== undefined) removeSessions([this.sessionFile])
  }
}

interface PageStats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly entryCount: number
}

interface EnvironmentStats extends PageStats {
  readonly root: PageStats
  readonly free: PageStats
  readonly lastPageNumber: number
}

function pagesOf(stats: PageStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
}

/** A failed commit rejects with a placeholder whose `commitError` rejects with the reason; left alone it would be unhandled. */
async function commitErrorOf(error: unknown): Promise<unknown> {
  const reason = (error as { readonly commitError?: Promise<unknown> } | undefined)?.commitError
  if (reason === undefined) return error
  return reason.catch((cause: unknown) => cause)
}

/** LMDB says EIO for a write that came out short, which nearly always means a full disk. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const isShortWrite = /input\/output error|no space/i.test(message)
  return isShortWrite ? `${message} (is the disk full?)` : message
}

import { randomBytes } from 'node:crypto'

import type { NoteStore } from '../../contract/tier.ts'
import { IntentLog } from './intents-log.ts'
import { readOwed, type OwedChanges } from './journal-note.ts'
import { storagePrefix } from '../key.ts'

/** Notes behind the guard of their tier. */
export interface GuardedNotes extends Pick<NoteStore, 'names' | 'get'> {
  /** Whether it is done; never rejects. */
  save(name: string, bytes: Uint8Array | undefined): Promise<boolean>
}

/** What earlier processes, and others on this host, have left for one book of intents. */
interface Left {
  readonly names: string[]
  readonly owed: (OwedChanges | 'unreadable')[]
}

export interface JournalParts {
  /** Name of the tier that keeps the notes. */
  readonly tier: string
  /** First part of all storage keys. */
  readonly prefix: string
}

/**
 * What a manager must not forget when its process dies, kept as notes of a tier on this host: invalidations that another
 * tier could not take, and how far the disk has heard of changes.
 *
 * Processes may share the notes without knowing of each other. Notes of owed invalidations are written once, under a name
 * that nobody else uses, and never changed: a later one adds to them. Whoever starts reads them all and delivers what
 * they say; who has delivered it, removes exactly the notes that it had read or written. It does no harm when two do.
 * Nobody has to find out whether the writer of a note still lives.
 *
 * Until the notes have been read, or could not be, every tier may be owed anything.
 */
export class Journal {
  readonly tier: string
  readonly #prefix: string
  readonly #instance = randomBytes(9).toString('base64url')
  readonly #logs = new Map<string, IntentLog>()
  readonly #left = new Map<string, Left>()
  readonly #places = new Map<string, Uint8Array>()
  #notes: GuardedNotes | undefined
  #count = 0
  #isKnown = false
  #waiting: (() => void)[] = []

  constructor({ tier, prefix }: JournalParts) {
    this.tier = tier
    this.#prefix = prefix
  }

  /** Whether the notes have been read, or nobody waits for that any more. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  use(notes: GuardedNotes): void {
    this.#notes = notes
  }

  /** The log of what a tier is owed; with the prefix of plain keys, of what these are owed. */
  logOf(tier: string, plainPrefix?: string): IntentLog {
    const book = JSON.stringify([tier, plainPrefix])
    const known = this.#logs.get(book)
    if (known !== undefined) return known
    const log = new IntentLog({
      isKnown: () => this.#isKnown,
      nextName: () => `${this.#owedPrefix}${encodeURIComponent(book)}/${this.#instance}/${++this.#count}`,
      save: (name, bytes) => this.save(name, bytes),
      wholePrefix: plainPrefix === undefined ? storagePrefix(this.#prefix) : undefined,
    })
    this.#logs.set(book, log)
    this.#hand(book)
    return log
  }

  /** Reads the notes, before the tier that keeps them is used. Rejects when they cannot be listed. */
  async load(): Promise<void> {
    for (const name of (await this.#notes?.names(this.#owedPrefix)) ?? []) {
      const [book] = name.slice(this.#owedPrefix.length).split('/')
      const owed = await this.#readOwed(name)
      if (owed !== undefined) this.#leave(decodeURIComponent(book ?? ''), name, owed)
    }
    for (const book of this.#logs.keys()) this.#hand(book)
    for (const name of (await this.#notes?.names(this.#placePrefix)) ?? []) {
      const bytes = await this.#notes?.get(name).catch(() => undefined)
      if (bytes !== undefined) this.#places.set(name, bytes)
    }
    this.know()
  }

  /** The notes are not waited for any more: their tier could not be opened, or they have been read. */
  know(): void {
    this.#isKnown = true
    for (const run of this.#waiting.splice(0)) run()
  }

  /** Runs the work once the notes have been read or could not be; now, where that is behind us. */
  whenKnown(run: () => void): void {
    if (this.#isKnown) run()
    else this.#waiting.push(run)
  }

  /** The note about the bus of a tier as it was when the notes were read; undefined when there was none that can be read. */
  place(tier: string): Uint8Array | undefined {
    return this.#places.get(this.#placeName(tier))
  }

  savePlace(tier: string, bytes: Uint8Array): Promise<boolean> {
    return this.save(this.#placeName(tier), bytes)
  }

  async save(name: string, bytes: Uint8Array | undefined): Promise<boolean> {
    return (await this.#notes?.save(name, bytes)) ?? false
  }

  get #owedPrefix(): string {
    return `owed/${encodeURIComponent(this.#prefix)}/`
  }

  get #placePrefix(): string {
    return `place/${encodeURIComponent(this.#prefix)}/`
  }

  #placeName(tier: string): string {
    return this.#placePrefix + encodeURIComponent(tier)
  }

  /** Undefined when somebody else has delivered it meanwhile; `unreadable` when it may say anything. */
  async #readOwed(name: string): Promise<OwedChanges | 'unreadable' | undefined> {
    try {
      const bytes = await this.#notes?.get(name)
      return bytes && (readOwed(bytes) ?? 'unreadable')
    } catch {
      return 'unreadable'
    }
  }

  #leave(book: string, name: string, owed: OwedChanges | 'unreadable'): void {
    const left = this.#left.get(book) ?? { names: [], owed: [] }
    this.#left.set(book, left)
    left.names.push(name)
    left.owed.push(owed)
  }

  #hand(book: string): void {
    const log = this.#logs.get(book)
    const left = this.#left.get(book)
    if (log === undefined || left === undefined) return
    this.#left.delete(book)
    log.adopt(left.names, left.owed)
  }
}

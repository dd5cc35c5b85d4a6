import { writeOwed, type OwedChanges, type OwedClear, type OwedKey } from './journal-note.ts'

export interface IntentLogParts {
  /** Whether what earlier processes have left has been read, or will not be. */
  readonly isKnown: () => boolean
  /** A name that no note ever had. */
  readonly nextName: () => string
  /** Whether it is done; never rejects. */
  readonly save: (name: string, bytes: Uint8Array | undefined) => Promise<boolean>
  /** What all keys of the tier start with; undefined where keys that nobody has named may not be removed. */
  readonly wholePrefix: string | undefined
}

/** The book whose log it is. */
export interface LoggedBook {
  readonly pending: number
  owed(): OwedChanges
  /** What an earlier process has left. */
  adopt(owed: OwedChanges): void
}

/** Notes may say this many times what is owed, and this much more, before one note says it all. */
const slack = 2
const mostExtra = 64

/**
 * Writes down what a tier is owed, so that it is not forgotten when the process dies. Each note adds to those before it
 * and is never changed; all of them are removed once nothing is owed. What was noted in one go shares a write.
 */
export class IntentLog {
  readonly #parts: IntentLogParts
  #book: LoggedBook | undefined
  #left: { readonly names: readonly string[]; readonly owed: readonly (OwedChanges | 'unreadable')[] } | undefined
  #keys: OwedKey[] = []
  #clears: OwedClear[] = []
  /** Notes that say what is owed, and how many keys and clears they name. */
  #names: string[] = []
  #named = 0
  #obsolete: string[] = []
  /** Something that is owed is in no note. */
  #isIncomplete = false
  #writing: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(parts: IntentLogParts) {
    this.#parts = parts
  }

  get isKnown(): boolean {
    return this.#parts.isKnown()
  }

  serve(book: LoggedBook): void {
    this.#book = book
    this.#handOver()
  }

  /** What was found of earlier processes, and the notes that say so. */
  adopt(names: readonly string[], owed: readonly (OwedChanges | 'unreadable')[]): void {
    this.#left = { names, owed }
    this.#handOver()
  }

  addKey(owed: OwedKey): void {
    this.#keys.push(owed)
  }

  addClear(owed: OwedClear): void {
    this.#clears.push(owed)
  }

  /** Nothing is owed any more, whatever the notes say. */
  drained(): void {
    this.#keys = []
    this.#clears = []
    this.#isIncomplete = false
    this.#retire()
    if (this.#obsolete.length > 0) void this.#write()
  }

  /** Resolves once everything that was added is in a note, or could not be written. */
  saved(): Promise<void> {
    const isWritten = this.#keys.length === 0 && this.#clears.length === 0 && !this.#isIncomplete
    return isWritten ? (this.#next ?? this.#writing) : this.#write()
  }

  #write(): Promise<void> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined
      this.#writing = this.#writeNow()
      return this.#writing
    })
    return this.#next
  }

  async #writeNow(): Promise<void> {
    const added: OwedChanges = { keys: this.#keys.splice(0), clears: this.#clears.splice(0) }
    if (sizeOf(added) > 0 || this.#isIncomplete) await this.#writeNote(added)
    if (this.#book?.pending === 0) this.#retire()
    // Only now: until the new note was there, the old ones were the only ones to know.
    for (const name of this.#obsolete.splice(0)) await this.#remove(name)
  }

  async #writeNote(added: OwedChanges): Promise<void> {
    const mostNamed = slack * (this.#book?.pending ?? 0) + mostExtra
    const isWhole = this.#isIncomplete || this.#named + sizeOf(added) > mostNamed
    const said = isWhole ? (this.#book?.owed() ?? added) : added
    const name = this.#parts.nextName()
    const isSaved = await this.#parts.save(name, writeOwed(said))
    // Whatever became of it, the note may be there.
    if (!isSaved) this.#isIncomplete = true
    else if (isWhole) {
      this.#isIncomplete = false
      this.#retire()
    }
    this.#names.push(name)
    this.#named += sizeOf(said)
  }

  #retire(): void {
    this.#obsolete.push(...this.#names.splice(0))
    this.#named = 0
  }

  async #remove(name: string): Promise<void> {
    if (!(await this.#parts.save(name, undefined))) this.#names.push(name)
  }

  #handOver(): void {
    const left = this.#left
    if (left === undefined || this.#book === undefined) return
    this.#left = undefined
    this.#names.push(...left.names)
    for (const owed of left.owed) {
      const read = owed === 'unreadable' ? this.#everything() : owed
      this.#named += sizeOf(read)
      this.#book.adopt(read)
    }
    if (this.#book.pending === 0) this.drained()
  }

  /** A note that cannot be read may have said anything. */
  #everything(): OwedChanges {
    const { wholePrefix } = this.#parts
    return { keys: [], clears: wholePrefix === undefined ? [] : [{ prefix: wholePrefix, version: Infinity }] }
  }
}

function sizeOf({ keys, clears }: OwedChanges): number {
  return keys.length + clears.length
}

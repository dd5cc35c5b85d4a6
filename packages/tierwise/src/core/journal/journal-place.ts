import type { Timer, Timers } from '../../contract/runtime.ts'
import type { Journal } from './journal.ts'
import { readPlace, writePlace, type Place } from './journal-note.ts'
import type { LocalTiers } from '../fleet/local-tiers.ts'
import type { Underway } from '../fleet/underway.ts'

const saveEveryMs = 1000

export interface PlaceKeeperParts {
  readonly journal: Journal
  readonly timers: Timers
  /** Name of the tier whose bus it is about. */
  readonly tier: string
  /** What has to hear of changes through this process. */
  readonly localTiers: LocalTiers
  /** Changes of this process, which its local tiers take within them. */
  readonly ownChanges: Underway
  /** Whether writes are waiting that the local tiers have not seen at all. */
  readonly hasPendingWrites: () => boolean
  /** Where the bus is now. */
  readonly now: () => Place
}

/**
 * Notes up to where the local tiers have taken all changes, so that the next process can ask for those that came later,
 * and need not distrust everything on the disk.
 *
 * A note is true whoever wrote it: what a tier has taken it has taken from all. Processes that share a disk therefore
 * share one note, and the last one to write it wins.
 */
export class PlaceKeeper {
  readonly #parts: PlaceKeeperParts
  #timer: Timer | undefined
  #saved: string | undefined
  #saving: Promise<void> | undefined

  constructor(parts: PlaceKeeperParts) {
    this.#parts = parts
  }

  /** What the last process has noted; undefined where nothing can be relied on. */
  load(lanes: number): Place | undefined {
    const { journal, tier } = this.#parts
    const bytes = journal.place(tier)
    return bytes && readPlace(bytes, lanes)
  }

  start(): void {
    this.#timer ??= this.#parts.timers.every(saveEveryMs, () => void this.#save())
  }

  /** The last note, if there was a first. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    await this.#saving
    await this.#save()
  }

  #save(): Promise<void> {
    this.#saving ??= this.#saveNow().finally(() => (this.#saving = undefined))
    return this.#saving
  }

  async #saveNow(): Promise<void> {
    const { journal, tier, localTiers, ownChanges, hasPendingWrites, now } = this.#parts
    const place = now()
    const text = JSON.stringify(place)
    if (text === this.#saved) return
    await Promise.all([localTiers.untaken.settled(), ownChanges.settled()])
    // What a tier could not take it has not heard of, and a later place would say that it has.
    if (localTiers.isOwed || hasPendingWrites()) return
    if (await journal.savePlace(tier, writePlace(place))) this.#saved = text
  }
}

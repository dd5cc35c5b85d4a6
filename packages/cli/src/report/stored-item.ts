/** What lies in a store under the prefix. Instants are epoch milliseconds, `Infinity` for never. */
export type StoredItem = StoredEntry | RawItem | OtherItem

/** An entry of tierwise, as far as its head tells. */
export interface StoredEntry {
  readonly kind: 'entry'
  /** `prefix:version:namespace:key` */
  readonly storageKey: string
  readonly createdAt: number
  /** When it stops being of use, by its own head or by the store, whichever comes first. */
  readonly endsAt: number
  /** Of the encoded value. */
  readonly valueBytes: number
  /** That it takes in the store. */
  readonly storedBytes: number
}

/** A plain key of a raw namespace. */
export interface RawItem {
  readonly kind: 'raw'
  readonly namespace: string
  readonly key: string
  readonly endsAt: number
  readonly storedBytes: number
}

/** `tombstone`: remembers a deletion. `damaged`: begins like an entry and is none. `foreign`: somebody else's. */
export interface OtherItem {
  readonly kind: 'tombstone' | 'damaged' | 'foreign'
  readonly storageKey: string
  readonly storedBytes: number
}

/** Everything under the prefix in one tier, opened for reading only. */
export interface ItemSource {
  readonly place: string
  items(): AsyncIterable<StoredItem>
  close(): Promise<void>
}

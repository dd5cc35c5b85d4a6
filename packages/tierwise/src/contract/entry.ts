/**
 * A value with its life. Times are epoch milliseconds on the runtime's steady clock; `Infinity` means never.
 *
 * An entry is *fresh* before `freshUntil`, *stale* until `usableUntil`, then *dead*.
 */
export interface Entry<V = unknown> extends EntryHead {
  readonly value: V
}

/** Everything about an entry but its value: what a listing or a freshness decision needs. */
export interface EntryHead {
  /** Orders the writes of one key; given by the authority, a safe integer, larger is newer. */
  readonly version: number
  readonly createdAt: number
  readonly freshUntil: number
  readonly usableUntil: number
  readonly tags: readonly string[]
  /** Tag clock seen before the value was loaded: the entry is valid while no tag of it was invalidated later. */
  readonly tagClock: number
  /** How long the loader took, in milliseconds; 0 when the value was set by hand. Feeds early refresh. */
  readonly loadMs: number
  /** Bytes of the encoded value when it has been encoded anyway, otherwise 0 (the memory tier then estimates). */
  readonly sizeBytes: number
}

/** An entry head together with its full storage key, as a scan of a byte tier sees it. */
export interface KeyedHead extends EntryHead {
  readonly key: string
}

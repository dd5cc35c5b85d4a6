/** Makes one part of a value plain; `step` is its index or property name, for the path in an error. */
export type TagPart = (part: unknown, step: string | number) => unknown

/**
 * A built-in type that plain data (null, booleans, numbers, strings, arrays, objects) does not have, and its plain form:
 * the *payload*.
 */
export interface Kind {
  /** Written into the bytes, so it never changes. */
  readonly name: string
  payload(value: unknown, tag: TagPart): unknown
  /** Checks what it is given, for the bytes may be hostile. @throws CodecError ERR_CACHE_DECODE */
  restore(payload: unknown): unknown
}

/** A part that a format has to mark, because its payload alone would come back as something else. */
export class Tagged {
  readonly kind: string
  readonly payload: unknown

  constructor(kind: string, payload: unknown) {
    this.kind = kind
    this.payload = payload
  }
}

/** Many byte strings in one parameter: cheaper to send than an array, which travels as text. */
export interface Packed {
  readonly bytes: Uint8Array
  /** Where each begins, counted from one as `substring` does. */
  readonly starts: readonly number[]
  readonly lengths: readonly number[]
}

export function pack(parts: readonly Uint8Array[]): Packed {
  const starts: number[] = []
  let next = 1
  for (const part of parts) {
    starts.push(next)
    next += part.length
  }
  const [only] = parts
  const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  return { bytes, starts, lengths: parts.map((part) => part.length) }
}

/** No text in UTF-8 begins with it. */
const illFormedMark = 0xff

/**
 * The bytes of a text: UTF-8, which keeps NUL as it is; or UTF-16 behind a mark, for a text with half of a surrogate pair,
 * which UTF-8 would make the same as others.
 */
export function bytesOf(text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text)
  return Buffer.concat([Buffer.of(illFormedMark), Buffer.from(text, 'utf16le')])
}

/** The text of a column that `bytesOf` has made. */
export function textIn(column: unknown): string {
  const bytes = column as Buffer
  return bytes[0] === illFormedMark ? bytes.subarray(1).toString('utf16le') : bytes.toString()
}

import type { StreamedKeyParts, StreamedText } from './key-generator.ts'

/** The parts of a key, and the length of their text in characters, which is known once it was read. */
export function measured<P extends StreamedKeyParts>(parts: P): { readonly parts: P; readonly length: () => number } {
  const { text, messages } = parts
  if (text === undefined) return { parts, length: () => charactersIn(messages) }
  if (typeof text === 'string') return { parts, length: () => text.length }
  let length = 0
  const counting = async function* (pieces: StreamedText): AsyncGenerator<string | Uint8Array> {
    for await (const piece of pieces) {
      length += piece.length
      yield piece
    }
  }
  return { parts: { ...parts, text: counting(text) }, length: () => length }
}

/** Of all texts and bytes in a conversation, which has been found to be plain data. */
function charactersIn(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  if (ArrayBuffer.isView(value)) return value.byteLength
  return Object.values(value).reduce((sum: number, part) => sum + charactersIn(part), 0)
}

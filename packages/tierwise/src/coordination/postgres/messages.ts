import { createHash, randomUUID } from 'node:crypto'

/** A notification has less than 8000 bytes. */
const longestPart = 7800
/** A text whose parts would fill the queue of the server is for something else. */
export const longestMessage: number = 1024 * 1024

/** A message as notifications: for whom, which message, which part of how many, and its bytes. */
export function partsOf(channel: string, text: string): readonly string[] {
  const address = addressOf(channel)
  // In UTF-16, so that every text arrives as it was.
  const encoded = Buffer.from(text, 'utf16le').toString('base64')
  const count = Math.max(1, Math.ceil(encoded.length / longestPart))
  const id = randomUUID()
  return Array.from(
    { length: count },
    (_, index) => `${address} ${id} ${index} ${count} ${encoded.slice(index * longestPart, (index + 1) * longestPart)}`,
  )
}

/** The one notification of a message without text. */
export function noticeOf(channel: string): string {
  return partsOf(channel, '')[0] ?? ''
}

/** Channels can be any text of any length, so listeners go by a digest. */
export function addressOf(channel: string): string {
  return createHash('sha256').update(channel, 'utf16le').digest('base64url')
}

interface Assembly {
  readonly id: string
  readonly parts: string[]
}

/** Puts the parts of messages together again. Those of one message are sent by one commit, so they come in one piece. */
export class MessageReader {
  #open: Assembly | undefined

  /** The text, when this was its last part. */
  read(notification: string): string | undefined {
    const [, id = '', index, count, part = ''] = notification.split(' ')
    if (this.#open?.id !== id) this.#open = index === '0' ? { id, parts: [] } : undefined
    this.#open?.parts.push(part)
    if (this.#open?.parts.length !== Number(count)) return undefined
    const encoded = this.#open.parts.join('')
    this.#open = undefined
    return Buffer.from(encoded, 'base64').toString('utf16le')
  }

  /** Forgets the beginning of a message whose end may have been missed. */
  reset(): void {
    this.#open = undefined
  }
}

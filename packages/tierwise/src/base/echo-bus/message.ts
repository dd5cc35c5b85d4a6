import type { BusChange } from '../../contract/bus.ts'

/** What instances tell each other on an echo bus. */
export type EchoMessage =
  | { readonly kind: 'changes'; readonly changes: readonly BusChange[] }
  /** Something has changed that cannot be told key by key. */
  | { readonly kind: 'lost' }
  /** Comes back to its sender. */
  | { readonly kind: 'ping'; readonly number: number }
  /** Wants an answer from everybody who has applied what came before it. */
  | { readonly kind: 'ask'; readonly number: number }
  | { readonly kind: 'answer'; readonly number: number; readonly to: string }
  | { readonly kind: 'bye' }

export interface EchoText {
  readonly source: string
  readonly message: EchoMessage
}

/** The first item of every message. A message with a larger one was sent by a newer release. */
const format = 1
const operations = { S: 'set', D: 'delete', X: 'expire' } as const
const letters = { set: 'S', delete: 'D', expire: 'X' } as const

/**
 * `[1, source, kind, ...]` as JSON: `C` with changes `["S"|"D"|"X", key, version]` or `["T", clock, names]`, `L`,
 * `P` number, `Q` number, `A` number and whom it answers, `B`. ASCII only, so that every encoding of a server carries it.
 */
export function writeMessage(source: string, message: EchoMessage): string {
  return `[${format},${asciiJson(source)},${bodyOf(message)}]`
}

export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value)
  return beyondAscii.test(json) ? json.replaceAll(eachBeyondAscii, escaped) : json
}

const beyondAscii = /[^\u0020-\u007e]/
const eachBeyondAscii = /[^\u0020-\u007e]/g

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The part of a message that tells one change, as JSON. */
export function changeJson(change: BusChange): string {
  return change.kind === 'key'
    ? `["${letters[change.operation]}",${asciiJson(change.key)},${change.version}]`
    : `["T",${change.clock},${asciiJson(change.names)}]`
}

function bodyOf(message: EchoMessage): string {
  switch (message.kind) {
    case 'changes':
      return `"C",[${message.changes.map(changeJson).join(',')}]`
    case 'lost':
      return '"L"'
    case 'ping':
      return `"P",${message.number}`
    case 'ask':
      return `"Q",${message.number}`
    case 'answer':
      return `"A",${message.number},${asciiJson(message.to)}`
    case 'bye':
      return '"B"'
  }
}

/**
 * Undefined for a text that is none of ours. One of ours that this release does not understand may tell of changes, and
 * reads as `lost`.
 */
export function readMessage(text: string): EchoText | undefined {
  const items = parse(text)
  if (items === undefined) return undefined
  const [version, source, ...body] = items
  if (!Number.isSafeInteger(version) || (version as number) < format || typeof source !== 'string') return undefined
  const message = version === format ? messageOf(body) : undefined
  return { source, message: message ?? { kind: 'lost' } }
}

function parse(text: string): readonly unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function messageOf([kind, first, second]: readonly unknown[]): EchoMessage | undefined {
  if (kind === 'C' && Array.isArray(first)) return changesOf(first)
  if (kind === 'B') return { kind: 'bye' }
  if (typeof first !== 'number') return undefined
  if (kind === 'P') return { kind: 'ping', number: first }
  if (kind === 'Q') return { kind: 'ask', number: first }
  if (kind === 'A' && typeof second === 'string') return { kind: 'answer', number: first, to: second }
  return undefined
}

function changesOf(items: readonly unknown[]): EchoMessage | undefined {
  const changes = items.map(changeOf)
  return changes.includes(undefined) ? undefined : { kind: 'changes', changes: changes as BusChange[] }
}

function changeOf(item: unknown): BusChange | undefined {
  if (!Array.isArray(item)) return undefined
  const [letter, first, second] = item as readonly unknown[]
  if (letter === 'T') {
    const isTold =
      typeof first === 'number' && Array.isArray(second) && second.every((name) => typeof name === 'string')
    return isTold ? { kind: 'tags', names: second as string[], clock: first } : undefined
  }
  const operation = operations[letter as keyof typeof operations]
  if (operation === undefined || typeof first !== 'string' || typeof second !== 'number') return undefined
  return { kind: 'key', operation, key: first, version: second }
}

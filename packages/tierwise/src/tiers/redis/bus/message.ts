import type { BusChange } from '../../../contract/bus.ts'
import { readPacked, type Packed } from './packed.ts'

/** A change of a lane, or several that were made together; see `emitLua`. */
export interface ChangeMessage {
  readonly kind: 'changes'
  readonly sequence: number
  /** Id of the message before it; empty when the server knew of none. */
  readonly before: string
  readonly id: string
  /** The instance that made the changes. */
  readonly source: string
  readonly changes: readonly BusChange[]
}

/** `arrived`: a key was loaded. `progress`: every instance is asked to write down how far it has come. */
export type BusMessage =
  | ChangeMessage
  | { readonly kind: 'arrived'; readonly key: string }
  | { readonly kind: 'progress' }

/** Asks every instance to write down how far it has come: `[1, -1]`. */
export const progressMessage: Buffer = Buffer.from([0x92, 1, 0xff])

const operations = { S: 'set', D: 'delete', X: 'expire' } as const

/** Undefined for what is not a message of this format. */
export function readMessage(bytes: Buffer): BusMessage | undefined {
  try {
    return messageOf(readPacked(bytes))
  } catch {
    return undefined
  }
}

function messageOf(packed: Packed): BusMessage | undefined {
  const [format, sequence, ...rest] = listIn(packed)
  if (format !== 1) return undefined
  if (sequence === 0) return { kind: 'arrived', key: textIn(rest[0]) }
  if (sequence === -1) return { kind: 'progress' }
  const [before, id, source, changes] = rest
  return {
    kind: 'changes',
    sequence: countIn(sequence),
    before: textIn(before),
    id: textIn(id),
    source: textIn(source),
    changes: listIn(changes).map(changeOf),
  }
}

function changeOf(packed: Packed): BusChange {
  const [kind, subject, number] = listIn(packed)
  if (kind === 'T') return { kind: 'tags', names: listIn(subject).map(textIn), clock: countIn(number) }
  if (kind !== 'S' && kind !== 'D' && kind !== 'X') throw new RangeError('An operation is not known')
  return { kind: 'key', operation: operations[kind], key: textIn(subject), version: countIn(number) }
}

function listIn(packed: Packed | undefined): readonly Packed[] {
  if (!Array.isArray(packed)) throw new RangeError('A list is missing')
  return packed as readonly Packed[]
}

function textIn(packed: Packed | undefined): string {
  if (typeof packed !== 'string') throw new RangeError('A text is missing')
  return packed
}

function countIn(packed: Packed | undefined): number {
  if (typeof packed !== 'number' || !(packed >= 0)) throw new RangeError('A number is missing')
  return packed
}

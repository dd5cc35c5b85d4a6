import { optionError, readOptions, texts, type OptionReader, type OptionTable } from '../../../base/option-reader.ts'
import { parameterOf } from '../../../clients/postgres/column-value.ts'
import { KeyError } from '../../../errors.ts'

/**
 * What to invalidate in a namespace: a key, keys, or one of the objects. `fence` is the version of the source from which
 * on values of the keys count, as in `invalidate`.
 */
export type OutboxChange =
  | string
  | Iterable<string>
  | { readonly keys: string | Iterable<string>; readonly fence?: number }
  | { readonly tags: readonly string[] }

/** A statement for any client: the text has `$1` to `$4`, each of the values is a text or null. */
export interface OutboxStatement {
  readonly text: string
  readonly values: readonly (string | null)[]
}

interface GivenChange {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly fence: number
}

const path = 'invalidateInTx'
/** As the engine has it; a relay would refuse the key later, when nobody is there any more to hear of it. */
const longestKey = 4096

/** The statement that puts a change into the outbox; undefined when nothing is to be invalidated. */
export function statementOf(outbox: string, namespace: string, change: OutboxChange): OutboxStatement | undefined {
  if (typeof namespace !== 'string' || !/^[\w.-]{1,128}$/.test(namespace))
    throw optionError(`${path}.namespace`, namespace, 'the name of a namespace')
  const { keys, tags, fence } = readChange(change)
  if ((keys ?? tags)?.length === 0) return undefined
  return {
    // Texts only, which every client sends alike whatever it would make of an array.
    text: `insert into ${outbox} (namespace, keys, tags, fence) values ($1::text, $2::text::text[], $3::text::text[], $4::text::bigint)`,
    values: [namespace, list(keys), list(tags), fence === undefined ? null : String(fence)],
  }
}

const changeTable: OptionTable<GivenChange> = { keys: readKeys, tags: readTags, fence: readFence }

function readChange(change: OutboxChange): Partial<GivenChange> {
  if (isKeys(change)) return { keys: readKeys(change, path) }
  const given = readOptions<GivenChange>(change, path, changeTable)
  if ((given.keys === undefined) === (given.tags === undefined))
    throw optionError(path, change, 'given either keys or `tags`')
  if (given.fence !== undefined && given.keys === undefined)
    throw optionError(`${path}.fence`, given.fence, 'given with keys: tags have none')
  return given
}

function isKeys(change: unknown): change is string | Iterable<string> {
  return typeof change === 'string' || (typeof change === 'object' && change !== null && Symbol.iterator in change)
}

function readKeys(raw: unknown, at: string): readonly string[] {
  if (!isKeys(raw)) throw optionError(at, raw, 'a key or an iterable of keys')
  const keys: readonly unknown[] = typeof raw === 'string' ? [raw] : [...new Set(raw)]
  return keys.map(checkKey)
}

function checkKey(key: unknown): string {
  if (typeof key === 'string' && key !== '' && key.length <= longestKey && isStorable(key)) return key
  throw new KeyError(
    `A key must be a well-formed text of 1 to ${longestKey} characters, and in an outbox without NUL, which PostgreSQL does not store.`,
    { code: 'ERR_CACHE_KEY', operation: path },
  )
}

function readTags(raw: unknown, at: string): readonly string[] {
  const tags = texts(raw, at)
  if (!tags.every(isStorable)) throw optionError(at, raw, 'a list of well-formed texts without NUL')
  return [...new Set(tags)]
}

function readFence(...[raw, at]: Parameters<OptionReader<number>>): number {
  if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0) return raw
  throw optionError(at, raw, 'a whole number from 0 to 2^53 - 1')
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function list(items: readonly string[] | undefined): string | null {
  return items === undefined ? null : (parameterOf(items) as string)
}

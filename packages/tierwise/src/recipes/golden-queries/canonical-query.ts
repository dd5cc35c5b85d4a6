import { canonicalDigest } from '../../base/canonical.ts'
import { KeyError } from '../../index.ts'

/** Parameters of a query, by position or by name. */
export type QueryParams = readonly unknown[] | Readonly<Record<string, unknown>>

/** A query as text, or as data: a name with its arguments, say. */
export type QueryShape = string | Readonly<Record<string, unknown>>

/** What stands for white space inside of quotes and comments, where it may mean something, in some dialect or other. */
const quotesOrComments = /['"`\\[#]|--|\/\*|\$(?:[A-Za-z_\u0080-\uFFFF]\w*)?\$/

/**
 * The text of a query with one blank in the place of each run of white space. A text with quotes or comments stays as it
 * is but for its ends: to know where these begin and end would take the grammar of the dialect, and a guess could make two
 * queries one.
 */
export function canonicalQuery(query: string): string {
  let start = 0
  let end = query.length
  while (start < end && isBlank(query[start]!)) start++
  while (start < end && isBlank(query[end - 1]!)) end--
  const trimmed = query.slice(start, end)
  return quotesOrComments.test(trimmed) ? trimmed : trimmed.replaceAll(/[ \t\r\n\f]+/g, ' ')
}

/** Other white space of Unicode may be part of a name. */
function isBlank(character: string): boolean {
  return ' \t\r\n\f'.includes(character)
}

/**
 * 128 bits of SHA-256: the same for equal queries and parameters, whatever the order of named ones; different for different
 * ones, types included.
 *
 * @throws KeyError ERR_CACHE_KEY for what has no content to compare
 */
export function queryDigest(query: QueryShape, params: QueryParams | undefined): string {
  try {
    return canonicalDigest([typeof query === 'string' ? canonicalQuery(query) : query, params]).slice(0, 32)
  } catch (cause) {
    throw new KeyError('A query contains what cannot become part of a key. Use plain data.', {
      code: 'ERR_CACHE_KEY',
      operation: 'query',
      cause,
    })
  }
}

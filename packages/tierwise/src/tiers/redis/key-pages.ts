import type { RedisArgument, RedisNode, RedisPort } from '../../clients/redis/port.ts'
import { listOf, textOf } from './replies.ts'

/** How many keys a step of SCAN looks at. */
const keysPerStep = '1000'
/** At least so many keys that were seen last are remembered, and at most twice as many. */
const remembered = 65_536

/** The names of the strings that match, in pages, from every primary. A name may come twice; `UniqueNames` tells. */
export async function* pagesOfNames(port: RedisPort, pattern: string): AsyncGenerator<readonly string[], void> {
  for (const node of await port.primaries()) yield* pagesOfNode(node, ['MATCH', pattern, 'TYPE', 'string'])
}

/** The names of one primary, in pages; all of them without a filter. */
export async function* pagesOfNode(
  node: RedisNode,
  filter: readonly RedisArgument[] = [],
): AsyncGenerator<readonly string[], void> {
  let cursor = '0'
  do {
    const reply = listOf(await node.send(['SCAN', cursor, 'COUNT', keysPerStep, ...filter]))
    cursor = textOf(reply[0])
    const names = listOf(reply[1]).map(textOf)
    if (names.length > 0) yield names
  } while (cursor !== '0')
}

/**
 * Names that come again are dropped, with bounded memory.
 *
 * SCAN visits the hash table in an order in which all buckets that become one when the table shrinks are neighbours, so
 * what it shows twice are the few keys of the one bucket it was in at that moment: keys it has shown just before.
 * Remembering the latest is therefore enough. What this misses: a slot that moves to a primary that is visited later, in
 * a listing that is longer than the memory.
 */
export class UniqueNames {
  #newer = new Set<string>()
  #older = new Set<string>()

  /** Whether the name comes for the first time. */
  add(name: string): boolean {
    if (this.#newer.has(name) || this.#older.has(name)) return false
    if (this.#newer.size >= remembered) {
      this.#older = this.#newer
      this.#newer = new Set()
    }
    this.#newer.add(name)
    return true
  }
}

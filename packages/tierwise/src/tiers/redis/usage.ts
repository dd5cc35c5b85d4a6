import type { RedisNode } from '../../clients/redis/port.ts'
import { pagesOfNode, UniqueNames } from './key-pages.ts'
import { numberOf } from './replies.ts'
import type { Store } from './store.ts'

/** How many keys of a primary are looked at; a primary with fewer is counted exactly. */
const sampleSize = 20_000

/**
 * How many records there are under a prefix. Redis cannot count keys by prefix, so they are visited, up to a number;
 * SCAN visits keys in the order of their hashes, which is a random sample, and the share of ours in it is taken for all.
 */
export async function countRecords(store: Store, prefix: string): Promise<number> {
  const nodes = await store.port.primaries()
  const counts = await Promise.all(nodes.map((node) => countAt(store, node, prefix)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function countAt(store: Store, node: RedisNode, prefix: string): Promise<number> {
  const { layout } = store
  const unique = new UniqueNames()
  let looked = 0
  let records = 0
  for await (const page of pagesOfNode(node)) {
    const names = page.filter((name) => unique.add(name))
    const ours = names.filter((name) => layout.keyOf(name)?.startsWith(prefix) === true)
    looked += names.length
    if (ours.length > 0) records += await store.count(ours)
    if (looked >= sampleSize) {
      const all = Math.max(looked, numberOf(await node.send(['DBSIZE'])))
      return Math.round((records / looked) * all)
    }
  }
  return records
}

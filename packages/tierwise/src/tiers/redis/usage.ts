import { numberOf as fieldOf, parseInfo } from '../../clients/redis/manager/info.ts'
import type { RedisNode } from '../../clients/redis/port.ts'
import type { StoreUsage } from '../../contract/tier.ts'
import { pagesOfNode, UniqueNames } from './key-pages.ts'
import { numberOf, textOf } from './replies.ts'
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

/** The memory of the server, or of the fullest node of a cluster; undefined where the user may not ask. */
export async function storeUsage({ port }: Store): Promise<StoreUsage | undefined> {
  const all = await Promise.all((await port.primaries()).map(memoryOf))
  return all.flatMap((usage) => usage ?? []).toSorted((a, b) => fullness(b) - fullness(a))[0]
}

async function memoryOf(node: RedisNode): Promise<StoreUsage | undefined> {
  const reply = await node.send(['INFO', 'memory']).catch(() => undefined)
  const info = parseInfo(textOf(reply))
  const bytes = fieldOf(info, 'used_memory')
  // 0 stands for no limit.
  return bytes === undefined ? undefined : { bytes, maxBytes: fieldOf(info, 'maxmemory') || undefined }
}

function fullness({ bytes, maxBytes }: StoreUsage): number {
  return maxBytes === undefined ? 0 : bytes / maxBytes
}

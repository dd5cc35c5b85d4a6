import type * as redisModule from 'tierwise/redis'
import { inTime } from '../../deadline.ts'
import { managerOptions } from '../../doctor/redis/manager-options.ts'
import { refusalOf, textOf, type Manager, type Node, type Reply } from '../../doctor/redis/reply.ts'
import type { ConfiguredTier, ExaminationContext } from '../../doctor/configured-tier.ts'
import { headBytes, readFrameHead } from '../frame-head.ts'
import type { ItemSource, StoredItem } from '../stored-item.ts'

/** In front of each frame: magic, format, kind, version, end. */
const recordHeadBytes = 20
const recordMagic = 0x5452
const tombstoneKind = 1
const pageSize = 500

/** What a raw namespace's plain keys start with. */
export interface RawPrefix {
  readonly namespace: string
  readonly keyPrefix: string
}

/** @throws what the manager throws when there is no connection */
export async function openRedisItems(
  tier: ConfiguredTier,
  context: ExaminationContext,
  raw: readonly RawPrefix[],
): Promise<ItemSource> {
  const { createRedisManager } = await context.library.tierwise<typeof redisModule>('tierwise/redis')
  const manager = createRedisManager(managerOptions(tier, context.timeoutMs))
  try {
    await inTime(manager.connect(), context.timeoutMs * 2, context.signal)
  } catch (error) {
    await manager.disconnect()
    throw error
  }
  return {
    place: manager.place,
    items: () => itemsOf(manager, context, raw),
    close: () => manager.disconnect(),
  }
}

async function* itemsOf(
  manager: Manager,
  context: ExaminationContext,
  raw: readonly RawPrefix[],
): AsyncIterable<StoredItem> {
  const { primary } = manager.ports
  const prefix = context.configuration.prefix ?? 'tw'
  const pattern = primary.topology === 'cluster' ? `{${prefix}:*}${prefix}:*` : `${escaped(prefix)}:*`
  for (const node of await primary.primaries()) {
    const walk = new NodeWalk(node, context)
    yield* walk.items(pattern, (name) => walk.entry(name))
    for (const { namespace, keyPrefix } of raw)
      yield* walk.items(`${escaped(keyPrefix)}*`, (name) => walk.raw(name, { namespace, keyPrefix }))
  }
}

/** A prefix holds letters, digits, `_`, `-` and `.`; what raw keys start with may hold anything. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}

/** Reads what one server holds, page by page, with commands that read. */
class NodeWalk {
  readonly #node: Node
  readonly #context: ExaminationContext

  constructor(node: Node, context: ExaminationContext) {
    this.#node = node
    this.#context = context
  }

  /** SCAN may tell a key twice while the server grows or shrinks its table. */
  async *items(pattern: string, read: (name: string) => Promise<StoredItem | undefined>): AsyncIterable<StoredItem> {
    const seen = new Set<string>()
    let cursor = '0'
    do {
      const page = await this.#ask('SCAN', cursor, 'MATCH', pattern, 'COUNT', String(pageSize))
      const [next, names] = page as readonly Reply[]
      cursor = textOf(next) ?? '0'
      const found = (names as readonly Reply[]).map((name) => textOf(name) ?? '').filter((name) => !seen.has(name))
      for (const name of found) seen.add(name)
      for (const item of await Promise.all(found.map((name) => read(name)))) if (item !== undefined) yield item
    } while (cursor !== '0')
  }

  /** Undefined for a key that is gone by now. */
  async entry(name: string): Promise<StoredItem | undefined> {
    const wanted = recordHeadBytes + headBytes(Buffer.byteLength(name))
    const [bytes, size, life] = await Promise.all([
      this.#tell('GETRANGE', name, '0', String(wanted - 1)),
      this.#tell('STRLEN', name),
      this.#tell('PTTL', name),
    ])
    if (life === -2) return undefined
    const storedBytes = Number(size ?? 0)
    const record = Buffer.isBuffer(bytes) ? bytes : Buffer.from(textOf(bytes) ?? '')
    if (bytes === undefined || record.length < recordHeadBytes || record.readUInt16BE(0) !== recordMagic)
      return { kind: 'foreign', storageKey: name, storedBytes }
    if (record[3] === tombstoneKind) return { kind: 'tombstone', storageKey: name, storedBytes }
    const head = readFrameHead(record.subarray(recordHeadBytes))
    if (head === undefined) return { kind: 'damaged', storageKey: name, storedBytes }
    const { key: storageKey, createdAt, usableUntil, valueBytes } = head
    return { kind: 'entry', storageKey, createdAt, endsAt: Math.min(usableUntil, endOf(life)), valueBytes, storedBytes }
  }

  async raw(name: string, { namespace, keyPrefix }: RawPrefix): Promise<StoredItem | undefined> {
    const [size, life] = await Promise.all([this.#tell('STRLEN', name), this.#tell('PTTL', name)])
    if (life === -2) return undefined
    // Keys of other types are absent to a raw namespace.
    if (size === undefined) return undefined
    return { kind: 'raw', namespace, key: name.slice(keyPrefix.length), endsAt: endOf(life), storedBytes: Number(size) }
  }

  #ask(...args: readonly string[]): Promise<Reply> {
    return inTime(this.#node.send(args), this.#context.timeoutMs, this.#context.signal)
  }

  /** Undefined when the key is of another type, or on its way to another node. */
  async #tell(...args: readonly string[]): Promise<Reply | undefined> {
    try {
      return await this.#ask(...args)
    } catch (error) {
      if (!['WRONGTYPE', 'MOVED', 'ASK'].includes(refusalOf(error) ?? '')) throw error
      return undefined
    }
  }
}

function endOf(life: Reply | undefined): number {
  return Number(life) < 0 ? Infinity : Date.now() + Number(life)
}

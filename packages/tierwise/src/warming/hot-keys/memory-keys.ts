import type { CacheManager } from '../../contract/cache.ts'
import { hotKeysNamespace } from '../internal-namespaces.ts'

const keysOfPart = 500
/** Together with the number of keys the bound of what is kept of a namespace. */
const mostCharacters = 1_000_000

/** A part of what memory held; parts of one time belong together. */
interface MemoryPart {
  readonly format: 1
  readonly savedAt: number
  readonly parts: number
  readonly keys: readonly string[]
}

/**
 * The keys that memory held, in the tiers that outlive the process: what its policy has found worth keeping. The last
 * process that writes wins; memories of instances that do the same work hold much the same.
 */
export class MemoryKeyRecords {
  readonly #manager: CacheManager
  readonly #now: () => number

  constructor(manager: CacheManager, now: () => number) {
    this.#manager = manager
    this.#now = now
  }

  async save(namespace: string, { memory, most }: { readonly memory: string; readonly most: number }): Promise<void> {
    const keys: string[] = []
    let characters = 0
    for await (const key of this.#manager.namespace(namespace).keys('*', { tiers: [memory] })) {
      characters += key.length
      if (keys.length >= most || characters > mostCharacters) break
      keys.push(key)
    }
    // A memory that is still empty is no reason to forget.
    if (keys.length === 0) return
    const parts = Math.ceil(keys.length / keysOfPart)
    const savedAt = this.#now()
    const records = Array.from({ length: parts }, (_, at): [string, MemoryPart] => {
      const own = keys.slice(at * keysOfPart, (at + 1) * keysOfPart)
      return [nameOf(namespace, at), { format: 1, savedAt, parts, keys: own }]
    })
    await this.#manager.namespace(hotKeysNamespace).setMany(records, { ttl: '30d' })
  }

  /** At most so many; empty when there is no record, or none that can be used. */
  async read(namespace: string, most: number): Promise<readonly string[]> {
    const records = this.#manager.namespace(hotKeysNamespace)
    const first = readPart(await records.get(nameOf(namespace, 0)))
    if (first === undefined) return []
    const parts = Math.min(first.parts, Math.ceil(most / keysOfPart))
    const names = Array.from({ length: Math.max(parts - 1, 0) }, (_, at) => nameOf(namespace, at + 1))
    const rest = [...(await records.getMany(names)).values()].map(readPart)
    const whole = [first, ...rest.filter((part) => part?.savedAt === first.savedAt)]
    return whole.flatMap((part) => part?.keys ?? []).slice(0, most)
  }
}

function nameOf(namespace: string, part: number): string {
  return `memory:${namespace}:${part}`
}

function readPart(raw: unknown): MemoryPart | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const { format, savedAt, parts, keys } = raw as Partial<Record<keyof MemoryPart, unknown>>
  if (format !== 1 || typeof savedAt !== 'number' || !Number.isSafeInteger(parts) || !Array.isArray(keys))
    return undefined
  const usable = (keys as readonly unknown[]).filter((key): key is string => typeof key === 'string' && key !== '')
  return { format, savedAt, parts: parts as number, keys: usable.slice(0, keysOfPart) }
}

import { optionError, readOptions, shaped, texts } from '../../../base/option-reader.ts'
import { systemRuntime } from '../../../base/runtime.ts'
import { connectionSettings, type PostgresConnectionOptions } from '../../../clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../clients/postgres/create-port.ts'
import type { PostgresPort, PostgresSubscription } from '../../../clients/postgres/port.ts'
import type { Cache, CacheManager } from '../../../contract/cache.ts'
import { readChange, type TableChange } from './change-message.ts'
import { connectionOf, connectionPart, type ConnectionPart } from './connection-part.ts'
import { defaultChannel } from './change-triggers.ts'
import { identifier } from './relation.ts'

/** What a listener wants an operator to know. No notice carries the payload of a message. */
export interface InvalidationNotice {
  /**
   * `ignored`: a message that is not ours, or of a namespace that is not listed. `gap`: the connection was lost for a
   * while, the namespaces were cleared. `overflow`: too many keys at once, the namespace was cleared. `failed`: an
   * invalidation failed, `error` says why; it is tried again with the next message.
   */
  readonly notice: 'ignored' | 'gap' | 'overflow' | 'failed'
  readonly detail: string
  readonly error?: unknown
}

/** What `listenForInvalidations` takes: a connection, as `postgres()` does, and what to listen for. */
export interface InvalidationListenerOptions extends PostgresConnectionOptions {
  /** The namespaces that messages may invalidate. All of them are cleared after a gap. */
  readonly namespaces: readonly string[]
  /** Where the triggers tell the changes. @default 'tierwise' */
  readonly channel?: string
  /** Called for what an operator should know. @default nobody is told */
  readonly onNotice?: (notice: InvalidationNotice) => void
}

/** Counters of a listener. */
export interface InvalidationCounts {
  /** Messages that came. */
  readonly messages: number
  /** Messages that were not ours. */
  readonly ignored: number
  /** Times that messages may have been lost. */
  readonly gaps: number
}

/** A running listener. It ends with its manager, or when it is closed. */
export interface InvalidationListener extends AsyncDisposable {
  readonly counts: InvalidationCounts
  /** Resolves once everything that was received so far has been applied. */
  settled(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Invalidates in a manager what triggers tell of changes of tables; see `installInvalidationTriggers`. Resolves once
 * changes from now on are heard.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG, ERR_CACHE_PEER_MISSING
 * @example
 * const listener = await listenForInvalidations(manager, { pool, namespaces: ['emission_factors'] })
 */
export async function listenForInvalidations(
  manager: CacheManager,
  options: InvalidationListenerOptions,
): Promise<InvalidationListener> {
  const { namespaces, channel, onNotice } = listenerOptions(options)
  const port = await createPostgresPort(connectionSettings(connectionOf(options), path), systemRuntime())
  const listener = new TableListener({ manager, namespaces, port, onNotice })
  try {
    await listener.open(channel)
  } catch (error) {
    await listener.close()
    throw error
  }
  return listener
}

const path = 'listenForInvalidations'
/** Keys of one namespace that may wait; beyond, the namespace is cleared. */
const mostWaiting = 10_000

interface OwnOptions {
  readonly namespaces: readonly string[]
  readonly channel: string
  readonly onNotice: (notice: InvalidationNotice) => void
}

function listenerOptions(options: InvalidationListenerOptions): OwnOptions {
  const { namespaces, channel, onNotice } = readOptions<OwnOptions & ConnectionPart>(options, path, {
    ...connectionPart,
    namespaces: texts,
    channel: identifier,
    onNotice: shaped('a function', (raw): raw is OwnOptions['onNotice'] => typeof raw === 'function'),
  })
  if (namespaces === undefined || namespaces.length === 0)
    throw optionError(`${path}.namespaces`, namespaces, 'a list with at least one namespace')
  return { namespaces, channel: channel ?? defaultChannel, onNotice: onNotice ?? (() => undefined) }
}

interface ListenerParts {
  readonly manager: CacheManager
  readonly namespaces: readonly string[]
  readonly port: PostgresPort
  readonly onNotice: (notice: InvalidationNotice) => void
}

/** What waits to be invalidated in one namespace. */
interface Waiting {
  readonly cache: Cache
  keys: Set<string>
  tags: Set<string>
  all: boolean
}

/**
 * Messages that come while an invalidation is under way wait and then go together; so do those of one turn. What waits is
 * bounded, because a namespace can always be cleared instead.
 */
class TableListener implements InvalidationListener {
  readonly counts = { messages: 0, ignored: 0, gaps: 0 }
  readonly #parts: ListenerParts
  readonly #waiting: ReadonlyMap<string, Waiting>
  #subscription: PostgresSubscription | undefined
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #stopListening: () => void = () => undefined

  constructor(parts: ListenerParts) {
    this.#parts = parts
    this.#waiting = new Map(
      parts.namespaces.map((name) => [
        name,
        { cache: parts.manager.namespace(name), keys: new Set(), tags: new Set(), all: false },
      ]),
    )
  }

  async open(channel: string): Promise<void> {
    const { manager, port } = this.#parts
    this.#stopListening = manager.on('lifecycle', ({ state }) => {
      if (state === 'stopping') void this.close()
    })
    await port.connect()
    this.#subscription = await port.listen(channel, {
      onMessage: (payload) => this.#onMessage(payload),
      onGap: () => this.#onGap(),
    })
  }

  async settled(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#stopListening()
    await this.#subscription?.close()
    await this.#draining
    await this.#parts.port.close()
  }

  #onMessage(payload: string): void {
    this.counts.messages++
    const change = readChange(payload)
    const waiting = change && this.#waiting.get(change.namespace)
    if (change === undefined || waiting === undefined) {
      this.counts.ignored++
      const why = change === undefined ? 'is not one of tierwise' : 'is of a namespace that is not listed'
      this.#tell({ notice: 'ignored', detail: `A message of ${payload.length} characters ${why}.` })
      return
    }
    this.#add(waiting, change)
    this.#draining ??= this.#drain()
  }

  #onGap(): void {
    this.counts.gaps++
    for (const waiting of this.#waiting.values()) clearInstead(waiting)
    const detail = `Changes may have been missed; cleared: ${[...this.#waiting.keys()].join(', ')}.`
    this.#tell({ notice: 'gap', detail })
    this.#draining ??= this.#drain()
  }

  #add(waiting: Waiting, change: TableChange): void {
    if (waiting.all) return
    if ('all' in change) return clearInstead(waiting)
    const targets = 'keys' in change ? waiting.keys : waiting.tags
    for (const target of 'keys' in change ? change.keys : change.tags) targets.add(target)
    if (targets.size <= mostWaiting) return
    clearInstead(waiting)
    this.#tell({
      notice: 'overflow',
      detail: `More than ${mostWaiting} changes waited; ${change.namespace} is cleared.`,
    })
  }

  async #drain(): Promise<void> {
    // What arrives in one go is invalidated in one go.
    await Promise.resolve()
    for (let isDone = false; !isDone;) {
      const each = [...this.#waiting.values()].filter(({ all, keys, tags }) => all || keys.size > 0 || tags.size > 0)
      isDone = each.length === 0 || (await Promise.all(each.map((waiting) => this.#apply(waiting)))).includes(false)
    }
    this.#draining = undefined
  }

  /** False when it failed; it waits for the next message then. */
  async #apply(waiting: Waiting): Promise<boolean> {
    const { cache, keys, tags, all } = waiting
    waiting.keys = new Set()
    waiting.tags = new Set()
    waiting.all = false
    try {
      if (all) await cache.clear()
      if (keys.size > 0) await cache.deleteMany(keys)
      if (tags.size > 0) await cache.invalidateTags([...tags])
      return true
    } catch (error) {
      clearInstead(waiting)
      if (this.#closing === undefined)
        this.#tell({ notice: 'failed', detail: `Invalidating ${cache.name} failed.`, error })
      return false
    }
  }

  #tell(notice: InvalidationNotice): void {
    try {
      this.#parts.onNotice(notice)
    } catch {
      // Whoever is told cannot break the listening.
    }
  }
}

function clearInstead(waiting: Waiting): void {
  waiting.all = true
  waiting.keys.clear()
  waiting.tags.clear()
}

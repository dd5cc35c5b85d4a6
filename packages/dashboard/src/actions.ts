import { inspect as show } from 'node:util'
import { CacheError, type Cache, type CacheManager, type TierEntry } from 'tierwise'
import { knownNamespaces } from './live/picture.ts'
import type { ResolvedOptions } from './options.ts'
import { Refusal } from './web/answers.ts'
import type { InspectAnswer, InspectedTier, InvalidateAnswer } from './wire.ts'

type Body = Readonly<Record<string, unknown>>

const longestValue = 4000

/** What visitors can do. */
export class Actions {
  readonly #manager: CacheManager
  readonly #options: ResolvedOptions

  constructor(manager: CacheManager, options: ResolvedOptions) {
    this.#manager = manager
    this.#options = options
  }

  /** What each tier holds of a key. @throws Refusal 400 or 404 */
  async inspect(body: Body): Promise<InspectAnswer> {
    const tiers = await tried(() => this.#cacheOf(body).inspect(textOf(body, 'key')))
    return { at: this.#options.clock.now(), tiers: tiers.map((each) => this.#describe(each)) }
  }

  /** @throws Refusal 400, 403 or 404 */
  async invalidate(body: Body): Promise<InvalidateAnswer> {
    if (!this.#options.allowWrites) throw new Refusal(403, 'This dashboard is read-only; `allowWrites` changes that.')
    const cache = this.#cacheOf(body)
    const where = cache.name
    switch (body['what']) {
      case 'key': {
        const key = textOf(body, 'key')
        const { held, tiers } = await tried(() => cache.invalidate(key))
        const late = Object.entries(tiers).filter(([, state]) => state === 'failed' || state === 'pending')
        const rest =
          late.length === 0 ? '' : ` Told later, once it can be reached: ${late.map(([tier]) => tier).join(', ')}.`
        const found = held > 0 ? 'It was held and is gone.' : 'No tier held it.'
        return { done: `Key ${key} of ${where} was invalidated. ${found}${rest}` }
      }
      case 'tag': {
        const tag = textOf(body, 'tag')
        await tried(() => cache.invalidateTags([tag]))
        return { done: `Every entry of ${where} with tag ${tag} was invalidated.` }
      }
      case 'namespace':
        await tried(() => cache.clear())
        return { done: `Every entry of ${where} was invalidated.` }
      default:
        throw new Refusal(400, '`what` must be key, tag or namespace.')
    }
  }

  #cacheOf(body: Body): Cache {
    const name = textOf(body, 'namespace')
    const names = knownNamespaces(this.#manager.analytics(), this.#manager.governanceReport())
    if (!names.has(name)) throw new Refusal(404, 'There is no namespace of that name.')
    const cache = this.#manager.namespace(name)
    if (body['tenant'] === undefined || body['tenant'] === '') return cache
    try {
      return cache.forTenant(textOf(body, 'tenant'))
    } catch (error) {
      throw refusalOf(error)
    }
  }

  #describe({ tier, state, entry, usableUntil, sizeBytes }: TierEntry<unknown>): InspectedTier {
    return {
      tier,
      state,
      ...(usableUntil === undefined ? {} : { usableUntil: usableUntil.getTime() }),
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      ...(entry === undefined
        ? {}
        : {
            createdAt: entry.createdAt.getTime(),
            ...(entry.expiresAt === undefined ? {} : { expiresAt: entry.expiresAt.getTime() }),
            version: entry.version,
            tags: entry.tags,
            ...(this.#options.showValues ? { value: showValue(entry.value) } : {}),
          }),
    }
  }
}

function showValue(value: unknown): string {
  const text = show(value, { depth: 6, maxArrayLength: 100, maxStringLength: 2000, breakLength: 80 })
  return text.length <= longestValue ? text : `${text.slice(0, longestValue)}\n… cut`
}

function textOf(body: Body, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '') throw new Refusal(400, `\`${name}\` must be a text.`)
  return value
}

async function tried<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw refusalOf(error)
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof Refusal || !(error instanceof CacheError)) return error
  return new Refusal(error.code === 'ERR_CACHE_STOPPED' ? 503 : 400, error.message, { code: error.code })
}

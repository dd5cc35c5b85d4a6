import type { Lifetime } from '../../index.ts'

/** How long answers of common operations stay fresh; others have the ttl of the namespace. */
export const operationTtls: Readonly<Record<string, Lifetime>> = {
  summarize: '2h',
  sentiment: '24h',
  key_points: '2h',
  questions: '1h',
  qa: '30m',
}

/** How long a text is. */
export type TextTier = 'small' | 'medium' | 'large' | 'xlarge'

/** Lengths in characters from which a text belongs to the next tier. */
export interface TextTierLimits {
  /** @default 500 */
  readonly small?: number
  /** @default 5000 */
  readonly medium?: number
  /** @default 50_000 */
  readonly large?: number
}

/** Which answers go to memory too, where the chain has one. */
export interface TextTierOptions extends TextTierLimits {
  /** Names of the tiers for answers that do not go to memory: those behind it. */
  readonly tiers: readonly string[]
  /**
   * Whether the answer goes to memory too.
   * @default small texts; medium ones of summarize, sentiment, key_points and classify; large ones of sentiment; medium ones that were asked for `hotAfter` times
   */
  readonly inMemory?: (asked: {
    readonly operation: string
    readonly textTier: TextTier
    readonly times: number
  }) => boolean
  /** @default 10 */
  readonly hotAfter?: number
}

const mediumInMemory: ReadonlySet<string> = new Set(['summarize', 'sentiment', 'key_points', 'classify'])
const longestMemory = 1024

/** Says of a request which tier its text is of, and whether its answer goes to memory. */
export class TextTiers {
  readonly #options: TextTierOptions | undefined
  readonly #limits: Required<TextTierLimits>
  /** How often keys were asked for that are not in memory; the oldest is forgotten first. */
  readonly #times = new Map<string, number>()

  constructor(options: TextTierOptions | undefined) {
    this.#options = options
    const { small = 500, medium = 5000, large = 50_000 } = options ?? {}
    this.#limits = { small, medium, large }
  }

  of(textLength: number): TextTier {
    const { small, medium, large } = this.#limits
    if (textLength < small) return 'small'
    if (textLength < medium) return 'medium'
    return textLength < large ? 'large' : 'xlarge'
  }

  /** Names of the tiers that the answer may be in; undefined for all. */
  tiersFor(key: string, operation: string, textTier: TextTier): readonly string[] | undefined {
    const options = this.#options
    if (options === undefined) return undefined
    const asked = { operation, textTier, times: this.#count(key) }
    const isInMemory = options.inMemory?.(asked) ?? isInMemoryByDefault(asked, options.hotAfter ?? 10)
    return isInMemory ? undefined : options.tiers
  }

  #count(key: string): number {
    const times = (this.#times.get(key) ?? 0) + 1
    this.#times.delete(key)
    this.#times.set(key, times)
    const [oldest] = this.#times.keys()
    if (this.#times.size > longestMemory && oldest !== undefined) this.#times.delete(oldest)
    return times
  }
}

function isInMemoryByDefault(
  { operation, textTier, times }: { readonly operation: string; readonly textTier: TextTier; readonly times: number },
  hotAfter: number,
): boolean {
  if (textTier === 'small') return true
  if (textTier === 'medium') return mediumInMemory.has(operation) || times > hotAfter
  return textTier === 'large' && operation === 'sentiment'
}

import type { Library } from '../library.ts'
import type { Configuration, TierOptions } from '../configuration.ts'

/** One tier of the chain as the configuration has it. */
export interface ConfiguredTier {
  readonly name: string
  readonly type: string
  readonly options: TierOptions
}

/** What an examination is given besides its tier. */
export interface ExaminationContext {
  readonly configuration: Configuration
  readonly library: Library
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** For a connection, and for each answer. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export function tiersOf({ chain, tiers }: Configuration): readonly ConfiguredTier[] {
  return chain.flatMap((name) => {
    const { type = name, ...options } = tiers[name] ?? {}
    return [{ name, type: String(type), options }]
  })
}

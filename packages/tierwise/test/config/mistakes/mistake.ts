/** A wrong configuration, and the whole text that its reader gets. */
export interface Mistake {
  readonly what: string
  /** @default 'tierwise.config.yaml' */
  readonly name?: string
  readonly text: string
  readonly profile?: string
  readonly env?: Readonly<Record<string, string>>
  /** Files beside it. */
  readonly files?: Readonly<Record<string, string>>
  /** One line for each thing that is wrong. */
  readonly says: readonly string[]
}

/** What stands before a part that alone would not be wrong. */
export const memory = 'tiers: { memory: }\n'

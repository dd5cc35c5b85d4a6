import type { TierCapabilities, TierDefinition } from '../../contract/tier.ts'
import type { LocalSession } from './local-session.ts'
import type { TierSession } from './tier-session.ts'

/** The part of a test runner that the suites use: the vitest module, `node:test`, or something of the same shape. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
}

export interface TierConformanceOptions {
  readonly name: string
  /** Describes the tier with a fresh, empty store each time it is called. */
  readonly definition: () => TierDefinition
  readonly runner: TestRunner
  /** Describes the same store once more, as the next process would. @default the definition itself is created again */
  readonly reopen?: (definition: TierDefinition) => TierDefinition
  /** `system`: the store expires records by its own clock, so the suite lets real time pass. @default 'injected' */
  readonly clock?: 'injected' | 'system'
  /** What the tier declares. @default read from a tier that is created and never opened */
  readonly capabilities?: TierCapabilities
  /** The store keeps keys with unpaired surrogates apart. @default false */
  readonly loneSurrogates?: boolean
}

/** What a chapter of the tier suite registers its tests with. */
export interface TierSuite {
  readonly options: TierConformanceOptions
  readonly capabilities: TierCapabilities
  /** Registers a test on an open tier with an empty store. */
  readonly test: (name: string, body: (session: TierSession) => Promise<void>) => void
}

export interface LocalTierConformanceOptions {
  readonly name: string
  /** Describes the tier, empty and with a budget of at least 4 MB, each time it is called. */
  readonly definition: () => TierDefinition
  readonly runner: TestRunner
}

/** What a chapter of the local suite registers its tests with. */
export interface LocalSuite {
  readonly test: (name: string, body: (session: LocalSession) => void | Promise<void>) => void
}

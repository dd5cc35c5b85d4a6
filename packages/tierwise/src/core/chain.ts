import type { Runtime } from '../contract/runtime.ts'
import type { LocalTier, Tier, TierDefinition } from '../contract/tier.ts'
import { ConfigError } from '../errors.ts'
import type { Emitter } from './emitter.ts'
import type { GuardSettings } from './guard/guard-options.ts'
import { GuardedTier } from './guard/guarded-tier.ts'
import type { OpenedTier } from './guard/guarded-tier.ts'
import { Journal } from './journal/journal.ts'
import type { ManagerSettings } from './manager-options.ts'

/** The chain of a manager after it has been created. */
export interface Chain {
  readonly local: { readonly name: string; readonly tier: LocalTier } | undefined
  /** Behind memory, fastest first. */
  readonly tiers: readonly GuardedTier[]
  readonly names: readonly string[]
  /** Where is noted what must outlive the process, if a tier can keep notes. */
  readonly journal: Journal | undefined
}

/** What tiers and their guards are given. */
export interface ChainParts {
  readonly runtime: Runtime
  readonly emitter: Emitter
  readonly settings: Pick<ManagerSettings, 'prefix' | 'statistics'> & { readonly guard: GuardSettings }
  readonly guards: ReadonlyMap<string, GuardSettings>
  readonly onOpen: (opened: OpenedTier) => Promise<void>
  readonly maxStalenessMs: () => number
  readonly nextVersion: () => number
  readonly forget: (prefix: string) => Promise<boolean>
}

/** Creates the tiers, each behind its guard; opens nothing. Throws a `ConfigError` where memory is not the first. */
export function createChain(definitions: readonly TierDefinition[], parts: ChainParts): Chain {
  const { runtime, emitter, settings, guards, onOpen, nextVersion, forget } = parts
  const created = definitions.map((definition, index) => {
    const tier = definition.create({
      ...runtime,
      name: definition.name,
      prefix: settings.prefix,
      maxStalenessMs: parts.maxStalenessMs(),
      report: (event) => emitter.emit(event),
    })
    if (tier.sync && index > 0)
      throw new ConfigError(
        `\`options.tiers[${index}]\` (${definition.name}) keeps values in this process; only the first tier can.`,
        { code: 'ERR_CACHE_CONFIG', tier: definition.name },
      )
    return { name: definition.name, tier }
  })
  const [first] = created
  const local = first?.tier.sync === true ? { name: first.name, tier: first.tier satisfies LocalTier } : undefined
  const keeper = created.find(({ tier }) => keepsNotes(tier))
  const journal = keeper && new Journal({ tier: keeper.name, prefix: settings.prefix })
  const guarded = ({ name, tier }: { name: string; tier: Tier }): GuardedTier =>
    new GuardedTier(name, tier, {
      runtime,
      emitter,
      settings: guards.get(name) ?? settings.guard,
      hasStatistics: settings.statistics,
      mostIntents: 10_000,
      nextVersion,
      forget,
      journal,
      onOpen,
    })
  const tiers = created.flatMap(({ name, tier }) => (tier.sync ? [] : [guarded({ name, tier })]))
  const notes = tiers.find(({ name }) => name === journal?.tier)?.notes
  if (notes !== undefined) journal?.use(notes)
  return { local, tiers, names: created.map(({ name }) => name), journal }
}

/** What a process notes must outlive it, and be there when nothing else can be reached. */
function keepsNotes(tier: Tier | LocalTier): boolean {
  const { shared, durable, notes } = tier.capabilities
  return !tier.sync && !shared && durable && notes === true
}

/** Begins to open the tier that keeps the notes. Where that fails, nobody waits for them any more. */
export function readJournal({ journal, tiers }: Chain): void {
  const keeper = tiers.find(({ name }) => name === journal?.tier)
  void keeper?.open().catch(() => journal?.know())
}

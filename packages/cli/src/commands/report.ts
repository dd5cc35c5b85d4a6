import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfiguration, textOption, type Configuration } from '../configuration.ts'
import { tiersOf, type ConfiguredTier, type ExaminationContext } from '../doctor/configured-tier.ts'
import { exitCode, type ExitCode } from '../exit-code.ts'
import { CommandFailure, messageOf } from '../failure.ts'
import { Library } from '../library.ts'
import type { CommandContext, ReportOptions } from '../program.ts'
import { Audit } from '../report/audit.ts'
import { openDiskItems } from '../report/items/disk-items.ts'
import { openPostgresItems } from '../report/items/postgres-items.ts'
import { openRedisItems, type RawPrefix } from '../report/items/redis-items.ts'
import { policiesOf } from '../report/policies.ts'
import { renderAudit, type AuditedTier, type AuditReport } from '../report/render-audit.ts'
import type { ItemSource, StoredItem } from '../report/stored-item.ts'

/** `tierwise report` */
export function report(options: ReportOptions, context: CommandContext): Promise<ExitCode> {
  return options.input === undefined ? auditStores(options, context) : renderInput(options.input, options, context)
}

async function auditStores(options: ReportOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, cwd, env, signal } = context
  const library = new Library(cwd)
  const {
    config: configuration,
    file,
    profile,
  } = await loadConfiguration({ file: options.config, profile: options.profile, cwd, env }, { library, terminal })
  const isStrict = configuration.strictNamespaces === true
  const audit = new Audit({ rulesOf: policiesOf(configuration), now: Date.now(), isStrict })
  const examination: ExaminationContext = { configuration, library, cwd, env, timeoutMs: options.timeout, signal }
  const tiers: AuditedTier[] = []
  for (const tier of tiersOf(configuration)) {
    const open = sources[tier.type]
    if (open === undefined) continue
    const tierWalk = { tier, open, limit: options.limit, progress: (text: string) => terminal.progress(text) }
    tiers.push(await auditTier(audit, tierWalk, examination))
  }
  terminal.progress()
  const answer: AuditReport = {
    command: 'report',
    file,
    profile: profile ?? null,
    checkedAt: new Date().toISOString(),
    tiers,
    worstOffenders: audit.offenders(20),
  }
  terminal.print(options.json || options.format === 'json' ? JSON.stringify(answer, undefined, 2) : renderAudit(answer))
  const isWell = tiers.every(({ failure, broken }) => failure === null && Object.keys(broken).length === 0)
  return isWell ? exitCode.ok : exitCode.problems
}

type Open = (tier: ConfiguredTier, context: ExaminationContext) => Promise<ItemSource>

const sources: Readonly<Record<string, Open>> = {
  redis: (tier, context) => openRedisItems(tier, context, rawPrefixes(context.configuration, tier.name)),
  disk: openDiskItems,
  postgres: openPostgresItems,
}

/** A raw namespace without anything in front of its keys could be any key of the server, so it is not looked at. */
function rawPrefixes({ namespaces = {} }: Configuration, tier: string): readonly RawPrefix[] {
  return Object.entries(namespaces).flatMap(([namespace, { raw, tiers }]) => {
    if (typeof raw !== 'object' || raw === null || (Array.isArray(tiers) && !tiers.includes(tier))) return []
    const keyPrefix = textOption(raw as Configuration['tiers'][string], 'keyPrefix', `${namespace}:`)
    return keyPrefix === '' ? [] : [{ namespace, keyPrefix }]
  })
}

interface TierWalk {
  readonly tier: ConfiguredTier
  readonly open: Open
  readonly limit: number
  readonly progress: (text: string) => void
}

async function auditTier(
  audit: Audit,
  { tier, open, limit, progress }: TierWalk,
  context: ExaminationContext,
): Promise<AuditedTier> {
  const count = audit.begin(tier.name)
  let place = 'unknown'
  let complete = false
  let failure: string | null = null
  try {
    const source = await open(tier, context)
    place = source.place
    complete = await walk(source, {
      hasRoom: () => count.items < limit,
      add: (item) => {
        context.signal.throwIfAborted()
        audit.add(tier.name, item)
        if (count.items % 500 === 0) progress(`${tier.name}: ${count.items} items`)
      },
    })
  } catch (error) {
    context.signal.throwIfAborted()
    failure = messageOf(error)
  }
  const { items, tombstones, broken, namespaces } = count
  const spaces = Object.fromEntries(namespaces)
  return { tier: tier.name, type: tier.type, place, failure, complete, items, tombstones, broken, namespaces: spaces }
}

interface Walker {
  readonly hasRoom: () => boolean
  readonly add: (item: StoredItem) => void
}

/** Whether everything was seen before there was no room for more. Closes the source. */
async function walk(source: ItemSource, { hasRoom, add }: Walker): Promise<boolean> {
  try {
    for await (const item of source.items()) {
      if (!hasRoom()) return false
      add(item)
    }
    return true
  } finally {
    await source.close()
  }
}

/** What is used of `tierwise/governance`. */
interface GovernanceModule {
  governanceMarkdown(report: unknown): string
}

/** A report that an application has written: `JSON.stringify(manager.governanceReport())`. */
async function renderInput(
  input: string,
  options: ReportOptions,
  { cwd, terminal }: CommandContext,
): Promise<ExitCode> {
  const given = readReport(input, cwd)
  if (options.json || options.format === 'json') terminal.print(JSON.stringify(given, undefined, 2))
  else {
    const { governanceMarkdown } = await new Library(cwd).tierwise<Readonly<GovernanceModule>>('tierwise/governance')
    terminal.print(governanceMarkdown(given).trimEnd())
  }
  return Object.keys(given.violations).length === 0 ? exitCode.ok : exitCode.problems
}

interface GivenReport {
  readonly violations: Readonly<Record<string, number>>
}

function readReport(input: string, cwd: string): GivenReport {
  const wrong = (why: string, cause?: unknown): CommandFailure =>
    new CommandFailure(`${input} ${why}`, {
      hint: 'It should hold what the governance report of a manager says, as JSON.',
      cause,
    })
  let text: string
  try {
    text = readFileSync(input === '-' ? 0 : resolve(cwd, input), 'utf8')
  } catch (error) {
    throw wrong(`cannot be read: ${messageOf(error)}`, error)
  }
  try {
    const report: unknown = JSON.parse(text)
    if (!isReport(report)) throw wrong('is no governance report')
    return report
  } catch (error) {
    throw error instanceof CommandFailure ? error : wrong('is no JSON', error)
  }
}

function isReport(value: unknown): value is GivenReport {
  if (typeof value !== 'object' || value === null) return false
  const { at, operations, violations, namespaces, worstOffenders } = value as Readonly<Record<string, unknown>>
  const areNumbers = [at, operations].every((each) => typeof each === 'number')
  const areObjects = [violations, namespaces].every((each) => typeof each === 'object' && each !== null)
  return areNumbers && areObjects && Array.isArray(worstOffenders)
}

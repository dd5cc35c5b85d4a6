import { sizeText } from '../units.ts'
import { auditRules, type AuditOffender, type AuditRule, type RuleCounts, type SpaceCount } from './audit.ts'

/** What an audit found, in the shape that `--json` prints. */
export interface AuditReport {
  readonly command: 'report'
  readonly file: string
  readonly profile: string | null
  /** ISO 8601. */
  readonly checkedAt: string
  readonly tiers: readonly AuditedTier[]
  /** Most frequent first, at most 20. */
  readonly worstOffenders: readonly AuditOffender[]
}

export interface AuditedTier {
  readonly tier: string
  readonly type: string
  readonly place: string
  /** Why it could not be read; null when it could. */
  readonly failure: string | null
  /** False when `--limit` ended it before everything was seen. */
  readonly complete: boolean
  readonly items: number
  readonly tombstones: number
  readonly broken: RuleCounts
  readonly namespaces: Readonly<Record<string, SpaceCount>>
}

const meanings: Readonly<Record<AuditRule, string>> = {
  license: 'lives longer than the licence of its source allows',
  'ttl-too-long': 'lives longer than `maxTtl`',
  'key-format': 'the key does not fit `keyFormat`',
  'key-too-long': 'the key is longer than `maxKeyLength`',
  'tenant-missing': 'the key has no tenant',
  'value-too-large': 'the value is larger than `maxValueBytes`',
  'tier-not-allowed': 'the tier is not among `tiers`',
  immortal: 'has no end, which nothing allows',
  'unknown-namespace': 'the namespace is not listed, and `strictNamespaces` is set',
  'retired-version': 'of a version of the namespace that is not in use',
  damaged: 'cannot be read',
  foreign: 'a key under the prefix that is not of tierwise',
}

export function renderAudit(report: AuditReport): string {
  const { file, profile, checkedAt, tiers, worstOffenders } = report
  return [
    '# What is stored',
    `${code(file)}, ${profile === null ? 'no profile' : `profile ${code(profile)}`}, ${checkedAt}`,
    ...tiers.map(renderTier),
    ...(worstOffenders.length === 0 ? [] : [renderOffenders(worstOffenders)]),
  ].join('\n\n')
}

function renderTier({ tier, place, failure, complete, items, tombstones, broken, namespaces }: AuditedTier): string {
  const head = `## ${tier}\n\n${code(place)}`
  if (failure !== null) return `${head}: **not read**, ${failure}`
  const seen = `${items} ${complete ? 'items' : 'items, and there are more (see `--limit`)'}, ${tombstones} of them remember deletions.`
  const rows = Object.entries(namespaces)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, { entries, bytes, ended, broken: own }]) => [name, entries, sizeText(bytes), ended, total(own)])
  const spaces = table(['namespace', 'entries', 'size', 'ended', 'problems'], rows)
  const problems = auditRules
    .filter((rule) => (broken[rule] ?? 0) > 0)
    .map((rule) => [rule, broken[rule] ?? 0, meanings[rule]])
  return [
    `${head}: ${seen}`,
    ...(rows.length === 0 ? [] : [spaces]),
    problems.length === 0 ? 'No rule is broken.' : table(['rule', 'items', 'what'], problems),
  ].join('\n\n')
}

function renderOffenders(offenders: readonly AuditOffender[]): string {
  const rows = offenders.map(({ count, namespace, family, rule, tier }) => [
    count,
    namespace || '(none)',
    code(family),
    rule,
    tier,
  ])
  return `## Worst offenders\n\n${table(['items', 'namespace', 'keys beginning with', 'rule', 'tier'], rows)}`
}

function total(counts: RuleCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replace(/\s+/g, ' ')).join(' | ')} |`)
    .join('\n')
}

/** A key may hold anything, backticks and line ends too. */
function code(text: string): string {
  const flat = text.replace(/[\r\n]+/g, ' ')
  return flat.includes('`') ? `\`\` ${flat} \`\`` : `\`${flat}\``
}

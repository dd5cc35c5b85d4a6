import type { GovernanceReport, NamespaceGovernance, ViolationCounts } from '../contract/governance.ts'

/** The report as a page in Markdown: what was governed, which rules were broken, and by whom. No values, no whole keys. */
export function governanceMarkdown(report: GovernanceReport): string {
  const { at, operations, ttlOverrides, immortalEntries, violations, namespaces, worstOffenders } = report
  const all = Object.entries(namespaces).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const sections = [
    '# Governance',
    `As of ${new Date(at).toISOString()}, since the start of the process.`,
    table(
      ['what', 'count'],
      [
        ['operations that rules were looked at for', operations],
        ['broken rules', total(violations)],
        ['calls with a ttl of their own', ttlOverrides],
        ['entries without an end', immortalEntries],
      ],
    ),
    '## Broken rules',
    Object.keys(violations).length === 0
      ? 'None.'
      : table(
          ['rule', 'count'],
          Object.entries(violations).toSorted(([, a], [, b]) => b - a),
        ),
    '## Namespaces',
    all.length === 0
      ? 'None was used.'
      : table(
          [
            'namespace',
            'mode',
            'class',
            'cap',
            'operations',
            'broken',
            'done about it',
            'overrides',
            'immortal',
            'quota',
          ],
          all.map(row),
        ),
    '## Worst offenders',
    worstOffenders.length === 0
      ? 'None.'
      : table(
          ['namespace', 'rule', 'keys', 'count'],
          worstOffenders.map(({ namespace, rule, family, count, error }) => [
            namespace,
            rule,
            `\`${family}\``,
            error === 0 ? count : `${count - error} to ${count}`,
          ]),
        ),
  ]
  return `${sections.join('\n\n')}\n`
}

function row([name, of]: readonly [string, NamespaceGovernance]): readonly Cell[] {
  const { mode, dataClass, license, maxTtlMs, operations, violations, outcomes, ttlOverrides, immortalEntries } = of
  const done = Object.entries(outcomes)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${outcome} ${count}`)
  const cap = maxTtlMs === undefined ? 'none' : `${maxTtlMs / 1000} s`
  return [
    name,
    mode,
    dataClass ?? '',
    license === undefined ? cap : `${cap}, ${license}`,
    operations,
    total(violations),
    done.join(', '),
    ttlOverrides,
    immortalEntries,
    quotaOf(of),
  ]
}

function quotaOf({ quota }: NamespaceGovernance): string {
  if (quota === undefined) return 'not in memory'
  const { entries, maxEntries, bytes, maxBytes } = quota
  return `${entries}${of(maxEntries)} entries, ${bytes}${of(maxBytes)} bytes`
}

function of(most: number | undefined): string {
  return most === undefined ? '' : ` of ${most}`
}

function total(violations: ViolationCounts): number {
  return Object.values(violations).reduce((sum, count) => sum + count, 0)
}

type Cell = string | number

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

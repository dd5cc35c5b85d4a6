import type { Colors } from '../terminal.ts'
import { inOrder, severities, worst, type Finding, type Severity, type TierExamination } from './finding.ts'

const marks: Readonly<Record<Severity, string>> = { ok: 'ok', advice: 'advice', warning: 'warning', failure: 'FAILURE' }

/** What was found, tier by tier, for a person. */
export function renderExaminations(examinations: readonly TierExamination[], colors: Colors): string {
  return examinations.map((each) => renderTier(each, colors)).join('\n\n')
}

function renderTier({ tier, type, place, facts, servers, findings }: TierExamination, colors: Colors): string {
  const kind = tier === type ? '' : ` (${type})`
  const outcome = worst(findings)
  const head = `${colors.bold(tier)}${kind}  ${place}  ${painted(outcome, colors)}`
  const serverParts = Object.entries(servers).flatMap(([address, own]) => [
    `  ${colors.underline(address)}`,
    ...factRows(own, '    ', colors),
  ])
  return [
    head,
    ...factRows(facts, '  ', colors),
    ...serverParts,
    ...inOrder(findings).flatMap((each) => rowsOf(each, colors)),
  ].join('\n')
}

function factRows(facts: TierExamination['facts'], indent: string, { dim }: Colors): readonly string[] {
  return Object.entries(facts).map(([name, fact]) => `${indent}${dim(name.padEnd(14))} ${fact}`)
}

function rowsOf({ severity, server, message, advice }: Finding, colors: Colors): readonly string[] {
  const where = server === undefined ? '' : `${server}: `
  const first = `  ${painted(severity, colors).padEnd(painted(severity, colors).length + 8 - marks[severity].length)} ${where}${message}`
  return advice === undefined ? [first] : [first, `           ${colors.dim('→')} ${advice}`]
}

function painted(severity: Severity, { green, cyan, yellow, red, bold }: Colors): string {
  const paint = { ok: green, advice: cyan, warning: yellow, failure: (text: string) => bold(red(text)) }[severity]
  return paint(marks[severity])
}

/** `2 failures, 1 warning, 3 pieces of advice`. */
export function summaryOf(findings: readonly Finding[]): string {
  const names: Readonly<Record<Severity, readonly [string, string]>> = {
    failure: ['failure', 'failures'],
    warning: ['warning', 'warnings'],
    advice: ['piece of advice', 'pieces of advice'],
    ok: ['', ''],
  }
  const parts = severities.toReversed().flatMap((severity) => {
    const count = findings.filter((each) => each.severity === severity).length
    return severity === 'ok' || count === 0 ? [] : [`${count} ${names[severity][count === 1 ? 0 : 1]}`]
  })
  return parts.join(', ') || 'nothing to complain about'
}

import type { LastLook, MemberCounts, RingEvent } from './calls.ts'
import type { FleetOptions } from './fleet.ts'
import type { History, HistoryEvent, Violation } from './history.ts'
import type { Member } from './member-process.ts'

export interface FleetReport {
  /** Empty when every promise was kept. */
  readonly violations: readonly string[]
  readonly summary: string
  /** Calls that were made and answers that were judged. */
  readonly operations: number
}

export interface ReportParts {
  readonly options: FleetOptions
  readonly history: History
  readonly members: readonly Member[]
  readonly faults: Readonly<Record<string, number>>
  readonly events: readonly HistoryEvent[]
  readonly answers: number
  readonly looks: readonly (LastLook & { readonly member: string })[]
  readonly durationMs: number
}

/** How calls may end in trouble; anything else is a violation. */
const allowedFailures = [
  'ERR_CACHE_LOADER',
  'ERR_CACHE_BARRIER',
  'ERR_CACHE_TIER_READ',
  'ERR_CACHE_TIER_WRITE',
  'ERR_CACHE_TIER_TIMEOUT',
  'ERR_CACHE_TIER_OPEN',
]
const mostShown = 3
const mostLines = 70

/** Judges what is left in the end, and puts everything into words. */
export async function report(parts: ReportParts): Promise<FleetReport> {
  const { history, options, members } = parts
  const counts = await Promise.all(members.map((member) => member.ask('counts', null).catch(() => undefined)))
  const violations: string[] = []
  for (const violation of history.violations.slice(0, mostShown))
    violations.push(await describeViolation(parts, violation))
  violations.push(...(await unfinished(parts)), ...strangeFailures(counts), ...members.flatMap(({ errors }) => errors))
  const operations = sumOf(counts, (count) => count.operations)
  return {
    violations: violations.map((text) => `${text}\nseed ${options.seed}, ${options.variant}`),
    summary: describe(parts, counts),
    operations: Math.max(
      parts.answers,
      Object.values(operations).reduce((sum, each) => sum + each, 0),
    ),
  }
}

/** Convergence: what is held in the end is what the source holds. */
async function unfinished(parts: ReportParts): Promise<readonly string[]> {
  const { looks, history } = parts
  const wrong = looks.filter(({ key, redis, get, load }) => {
    const current = history.current(key)
    return [redis, get].some((held) => held !== null && held !== current) || load !== current
  })
  const lines = wrong.map(
    ({ member, key, redis, get, load }) =>
      `At the end the source holds ${history.current(key)} of key ${key}; ${member} finds ${redis} in Redis, gets ${get} and loads ${load} (convergence)`,
  )
  const [first] = wrong
  if (first === undefined) return []
  const last = history.lastChangeAt(first.key)
  return [...lines, await historyOf(parts, first.key, { from: last - 1000, to: last + 3000, origin: last })]
}

function strangeFailures(counts: readonly (MemberCounts | undefined)[]): readonly string[] {
  const failures = Object.entries(sumOf(counts, (count) => count.failures))
  return failures.flatMap(([name, times]) =>
    allowedFailures.some((code) => name.endsWith(code)) ? [] : [`${times} calls failed: ${name}`],
  )
}

/** The shortest history of the key that shows why an answer was wrong. */
async function describeViolation(parts: ReportParts, violation: Violation): Promise<string> {
  const { key, number, member, begin, what } = violation
  const from = Math.min(begin, parts.history.supersededAt(key, number)) - 400
  const shown = await historyOf(parts, key, { from, to: begin + 200, origin: begin })
  return `Value ${number} of key ${key} in ${member}: ${what}\n${shown}`
}

async function historyOf(
  { history, members, events }: ReportParts,
  key: number,
  { from, to, origin }: { readonly from: number; readonly to: number; readonly origin: number },
): Promise<string> {
  const rings = await Promise.all(
    members.map(async (each) => eventsOf(each.name, await each.ask('ring', key).catch(() => []))),
  )
  const all = [...history.events(key, from, to), ...events, ...rings.flat()]
    .filter(({ at }) => at >= from && at <= to)
    .toSorted((one, other) => one.at - other.at)
  const shown = all.length <= mostLines ? all : [...all.slice(0, mostLines / 2), ...all.slice(-mostLines / 2)]
  return shown
    .map((event) => `  ${(event.at - origin).toFixed(1).padStart(9)} ${event.who.padEnd(8)} ${event.what}`)
    .join('\n')
}

function eventsOf(member: string, ring: readonly RingEvent[]): readonly HistoryEvent[] {
  return ring.map(({ what, begin, end, number, count }) => ({
    at: begin,
    who: member,
    what: `${what}${number === null ? '' : ` ${number}`}${count > 1 ? ` x${count}` : ''} (${(end - begin).toFixed(1)} ms)`,
  }))
}

function describe(parts: ReportParts, counts: readonly (MemberCounts | undefined)[]): string {
  const { options, durationMs, answers, history, faults } = parts
  const line = (numbers: Readonly<Record<string, number>>): string =>
    Object.entries(numbers)
      .toSorted(([, one], [, other]) => other - one)
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')
  const kinds: Record<string, number> = {}
  for (const [name, times] of Object.entries(faults)) {
    const kind = name.replace(/^m\d+ /, '')
    kinds[kind] = (kinds[kind] ?? 0) + times
  }
  return [
    `${options.variant}, ${options.processes} processes, ${options.keys} keys, seed ${options.seed}: ${answers} answers judged in ${Math.round(durationMs / 1000)} s, ${history.changes} changes of the source`,
    `  calls of the last lives: ${line(sumOf(counts, (count) => count.operations))}`,
    `  answered by: ${line(sumOf(counts, ({ tiers, rejectedFills, foreignChanges }) => ({ ...tiers, rejectedFills, foreignChanges })))}`,
    `  failures: ${line(sumOf(counts, (count) => count.failures)) || 'none'}`,
    `  faults: ${line(kinds)}`,
  ].join('\n')
}

function sumOf(
  counts: readonly (MemberCounts | undefined)[],
  of: (count: MemberCounts) => Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const count of counts)
    for (const [name, times] of Object.entries(count === undefined ? {} : of(count)))
      sums[name] = (sums[name] ?? 0) + times
  return sums
}

import type { CacheEvent } from '../../contract/events.ts'

/** How much a line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A line, before it is known whether it is written. */
export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Lines of one kind are summed up when there are many. */
  readonly kind: string
}

/** Fields by which lines are of one kind: of each there are few values. */
const kindFields = [
  'type',
  'tier',
  'namespace',
  'operation',
  'kind',
  'state',
  'outcome',
  'reason',
  'rule',
  'notice',
  'work',
  'scope',
] as const

type Fields = Readonly<Record<string, unknown>>

/** The line of an event. Without `withKeys` nothing in it names a key, a tag or a pattern. */
export function lineOf(event: CacheEvent, withKeys: boolean): LogLine {
  const all = event as unknown as Fields
  const { type, error, key, targets, ...rest } = all
  const hidden = withKeys ? [] : [key, ...(Array.isArray(targets) ? targets : [])]
  const fields: Record<string, unknown> = { event: type }
  for (const [name, value] of Object.entries(rest))
    fields[name] = typeof value === 'string' ? without(hidden, value) : value
  if (withKeys && key !== undefined) fields['key'] = key
  if (targets !== undefined) fields['targets'] = withKeys ? targets : (targets as readonly unknown[]).length
  if (error !== undefined) fields['error'] = errorFields(error, { hidden, isBare: type === 'bad-record' })
  return {
    level: levelOf(event),
    message: messageOf(all),
    fields,
    kind: textsOf(kindFields.map((name) => all[name])).join(' '),
  }
}

const levels: Readonly<Partial<Record<CacheEvent['type'], LogLevel>>> = {
  lifecycle: 'info',
  'tier-error': 'warn',
  'tier-notice': 'warn',
  'bad-record': 'warn',
  'policy-violation': 'warn',
  'background-error': 'error',
}

function levelOf(event: CacheEvent): LogLevel {
  if (event.type === 'breaker') return event.state === 'open' ? 'error' : 'info'
  if (event.type === 'bus') return event.state === 'lost' ? 'warn' : 'info'
  if (event.type === 'intent') return ({ kept: 'warn', replayed: 'info', overflowed: 'error' } as const)[event.state]
  return levels[event.type] ?? (isTrouble(event) ? 'warn' : 'debug')
}

/** Of what happens all the time, that which should not. */
function isTrouble(event: CacheEvent): boolean {
  return (
    (event.type === 'load' && event.outcome === 'failed') ||
    (event.type === 'refresh' && event.outcome === 'dropped') ||
    (event.type === 'evict' && event.reason === 'too-large')
  )
}

/** The kind of event and what it is about; the rest is in the fields. */
function messageOf({ type, tier, namespace, state, outcome, operation, reason }: Fields): string {
  return textsOf(['cache', type, tier, namespace, operation, state, outcome, reason]).join(' ')
}

function textsOf(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string')
}

interface Hiding {
  readonly hidden: readonly unknown[]
  /** Its message may quote what a record holds. */
  readonly isBare: boolean
}

function errorFields(error: unknown, { hidden, isBare }: Hiding): Fields {
  if (!(error instanceof Error)) return { message: isBare ? typeof error : without(hidden, String(error)) }
  const { name, message, cause } = error
  const { code, key } = error as { readonly code?: unknown; readonly key?: unknown }
  const all = hidden.length === 0 ? [] : [...hidden, key]
  return {
    name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(isBare ? {} : { message: without(all, message) }),
    ...(cause === undefined ? {} : { cause: errorFields(cause, { hidden: all, isBare }) }),
  }
}

function without(hidden: readonly unknown[], text: string): string {
  return hidden.reduce<string>(
    (rest, each) => (typeof each === 'string' && each !== '' ? rest.replaceAll(each, '…') : rest),
    text,
  )
}

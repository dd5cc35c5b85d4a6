import { duration, optionError, readOptions, shaped, text } from '../../base/option-reader.ts'
import type { Duration, Runtime } from '../../index.ts'
import type { Alert, AlertLabels } from './alerts.ts'
import { checkCondition, type AlertCondition, type Sample } from './conditions.ts'
import type { AlertNotification } from './notices.ts'

/** Samples of one set of labels. */
export interface SampledSeries {
  /** Beside those of the rule, which they win over. @default none */
  readonly labels?: AlertLabels
  readonly samples: readonly Sample[]
}

/** Which samples are needed. Epoch milliseconds. */
export interface SampleRequest {
  readonly from: number
  readonly to: number
  /** Aborted when it takes too long. */
  readonly signal: AbortSignal
}

/** When to alert whom of what. */
export interface AlertRule {
  /** Letters, digits, `_`, `-` and `.`. */
  readonly id: string
  readonly condition: AlertCondition
  /** One list of samples, or one for each set of labels, each of which is an alert by itself. */
  readonly read: (
    request: SampleRequest,
  ) => readonly Sample[] | readonly SampledSeries[] | Promise<readonly Sample[] | readonly SampledSeries[]>
  /** How long it has to last before it fires. @default it fires at once */
  readonly for?: Duration
  /** @default none */
  readonly labels?: AlertLabels
}

/** What `alertEngine` takes. */
export interface AlertEngineOptions {
  readonly rules: readonly AlertRule[]
  /** Tells somebody; what it throws is tried again with the next evaluation. */
  readonly notify: (notification: AlertNotification) => void | Promise<void>
  /** Of the state: engines of one name are one, and have the same rules. @default 'alerts' */
  readonly name?: string
  /** How often rules are evaluated, by all processes together. @default '60s' */
  readonly interval?: Duration
  /** What happens in a group within it is told together. @default '300s' */
  readonly groupInterval?: Duration
  /** The group that an alert is told in. @default its rule */
  readonly groupBy?: (alert: Alert) => string
  /** For a `read` and for a `notify`. @default '30s' */
  readonly timeout?: Duration
  /** What failed while nobody waited for it. Must not throw. @default none */
  readonly onError?: (error: unknown) => void
  /** Timers; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'timers'>>
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

const path = 'alertEngine'
const isFunction = (raw: unknown): raw is (...args: never[]) => never => typeof raw === 'function'
const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null
const table = {
  rules: shaped('a list of rules', (raw): raw is AlertRule[] => Array.isArray(raw)),
  notify: shaped('a function', isFunction),
  name: text,
  interval: duration,
  groupInterval: duration,
  groupBy: shaped('a function', isFunction),
  timeout: duration,
  onError: shaped('a function', isFunction),
  runtime: shaped('an object', isObject),
  now: shaped('a function', isFunction),
}
const ruleTable = {
  id: text,
  condition: shaped('a condition', isObject),
  read: shaped('a function', isFunction),
  for: duration,
  labels: shaped('an object of labels', isObject),
}

/** In milliseconds. */
export interface AlertSettings {
  readonly intervalMs: number
  readonly groupIntervalMs: number
  readonly timeoutMs: number
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readAlertOptions(options: AlertEngineOptions): AlertSettings {
  const read = readOptions<{ interval: number; groupInterval: number; timeout: number }>(options, path, table as never)
  checkRules(options)
  return {
    intervalMs: read.interval ?? 60_000,
    groupIntervalMs: read.groupInterval ?? 300_000,
    timeoutMs: read.timeout ?? 30_000,
  }
}

function checkRules({ rules, notify }: AlertEngineOptions): void {
  if (rules === undefined) throw optionError(`${path}.rules`, rules, 'a list of rules')
  if (notify === undefined) throw optionError(`${path}.notify`, notify, 'a function')
  const ids = new Set<string>()
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.rules[${index}]`
    readOptions<object>(rule, at, ruleTable)
    if (typeof rule.id !== 'string' || !/^[\w.-]{1,128}$/.test(rule.id))
      throw optionError(`${at}.id`, rule.id, 'a text of letters, digits, `_`, `-` and `.`')
    if (ids.has(rule.id)) throw optionError(`${at}.id`, rule.id, 'another one than that of any other rule')
    if (rule.read === undefined) throw optionError(`${at}.read`, rule.read, 'a function')
    ids.add(rule.id)
    checkCondition(rule.condition, `${at}.condition`)
  }
}

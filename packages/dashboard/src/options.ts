import { randomBytes } from 'node:crypto'
import { ConfigError, parseDuration, type Duration, type Runtime } from 'tierwise'
import type { AlertSource, ConsistencySource } from './sources.ts'

/** How a dashboard is served, and to whom. */
export interface DashboardOptions {
  /** What visitors have to know, at least 16 characters. @default a random one, see `Dashboard.token` */
  readonly token?: string
  /** Decides instead of a token: true lets the request in. It is asked for every request, the page's own files included. */
  readonly authorize?: (request: Request) => boolean | Promise<boolean>
  /** Let visitors invalidate keys, tags and namespaces. @default false */
  readonly allowWrites?: boolean
  /** Show values when a key is looked up. @default false */
  readonly showValues?: boolean
  /** Otherwise everything is answered with 404. @default `NODE_ENV` is not 'production' */
  readonly enabled?: boolean
  /** Where it is mounted, for example '/cache'. @default the root of the server */
  readonly basePath?: string
  /** Names by which it may be reached, with their ports; others are refused. @default any, but see `serveDashboard` */
  readonly allowedHosts?: readonly string[]
  /** Shows the consistency that it has measured. */
  readonly auditor?: ConsistencySource
  /** Shows the alerts that fire, or are about to. */
  readonly alerts?: AlertSource
  /** Time between two pictures, for those who look. @default '1s' */
  readonly interval?: Duration
  /** How often tiers are asked what they hold, while somebody looks; false for never. @default '30s' */
  readonly askTiers?: Duration | false
  /** Clock and timers; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'clock' | 'timers'>>
}

/** The options, each with a value. */
export interface ResolvedOptions {
  /** Undefined where `authorize` decides. */
  readonly token: string | undefined
  readonly authorize: ((request: Request) => boolean | Promise<boolean>) | undefined
  readonly allowWrites: boolean
  readonly showValues: boolean
  readonly enabled: boolean
  /** Begins with a slash and does not end with one; empty for the root. */
  readonly basePath: string
  readonly allowedHosts: readonly string[] | undefined
  readonly auditor: ConsistencySource | undefined
  readonly alerts: AlertSource | undefined
  readonly intervalMs: number
  readonly askTiersMs: number | undefined
  readonly clock: Pick<Runtime['clock'], 'now'>
  readonly timers: Pick<Runtime['timers'], 'every'>
}

const known: Record<keyof DashboardOptions, (raw: unknown) => boolean> = {
  token: (raw) => typeof raw === 'string' && raw.length >= 16,
  authorize: (raw) => typeof raw === 'function',
  allowWrites: (raw) => typeof raw === 'boolean',
  showValues: (raw) => typeof raw === 'boolean',
  enabled: (raw) => typeof raw === 'boolean',
  basePath: (raw) => typeof raw === 'string' && /^\/?$|^(\/[\w.~-]+)+\/?$/.test(raw),
  allowedHosts: (raw) => Array.isArray(raw) && raw.every((host) => typeof host === 'string'),
  auditor: (raw) => hasMethod(raw, 'report'),
  alerts: (raw) => typeof raw === 'object' && raw !== null && 'alerts' in raw,
  interval: isLongEnough,
  askTiers: (raw) => raw === false || isLongEnough(raw),
  runtime: (raw) => typeof raw === 'object' && raw !== null,
}

const allowed: Record<keyof DashboardOptions, string> = {
  token: 'a text of at least 16 characters',
  authorize: 'a function',
  allowWrites: 'a boolean',
  showValues: 'a boolean',
  enabled: 'a boolean',
  basePath: "a path such as '/cache'",
  allowedHosts: "a list of hosts such as 'cache.internal:8443'",
  auditor: 'an object with a `report` method',
  alerts: 'an object with `alerts`',
  interval: "100 ms or more: a number of milliseconds or a text like '500ms', '1s'",
  askTiers: "false, or 100 ms or more: a number of milliseconds or a text like '30s', '5m'",
  runtime: 'an object',
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function readOptions(options: DashboardOptions): ResolvedOptions {
  checkOptions(options)
  const { authorize, allowedHosts, basePath = '', interval = '1s', askTiers = '30s' } = options
  const { allowWrites = false, showValues = false, enabled = process.env['NODE_ENV'] !== 'production' } = options
  return {
    token: tokenOf(options),
    authorize,
    allowWrites,
    showValues,
    enabled,
    basePath: basePath.replace(/\/$/, ''),
    allowedHosts: allowedHosts?.map((host) => host.toLowerCase()),
    auditor: options.auditor,
    alerts: options.alerts,
    intervalMs: parseDuration(interval) ?? 1000,
    askTiersMs: askTiers === false ? undefined : parseDuration(askTiers),
    ...runtimeOf(options),
  }
}

function tokenOf({ token, authorize }: DashboardOptions): string | undefined {
  return authorize === undefined ? (token ?? randomBytes(24).toString('base64url')) : undefined
}

function runtimeOf({ runtime = {} }: DashboardOptions): Pick<ResolvedOptions, 'clock' | 'timers'> {
  return { clock: runtime.clock ?? { now: () => Date.now() }, timers: runtime.timers ?? { every: everyInNode } }
}

function checkOptions(options: DashboardOptions): void {
  for (const [name, raw] of Object.entries(options) as [keyof DashboardOptions, unknown][]) {
    if (!Object.hasOwn(known, name))
      throw wrongOption(name, `is not an option. Known: ${Object.keys(known).join(', ')}`)
    // What is asked for is told, and not what was given: it may be the token.
    if (raw !== undefined && !known[name](raw)) throw wrongOption(name, `must be ${allowed[name]}`)
  }
  if (options.token !== undefined && options.authorize !== undefined)
    throw wrongOption('token', 'and `dashboard.authorize` exclude each other')
}

export function wrongOption(name: string, what: string): ConfigError {
  return new ConfigError(`\`dashboard.${name}\` ${what}.`, { code: 'ERR_CACHE_OPTION' })
}

function everyInNode(ms: number, run: () => void): { cancel(): void } {
  const timer = setInterval(run, ms).unref()
  return { cancel: () => clearInterval(timer) }
}

function isLongEnough(raw: unknown): boolean {
  return (parseDuration(raw as Duration) ?? 0) >= 100
}

function hasMethod(raw: unknown, name: string): boolean {
  return typeof raw === 'object' && raw !== null && typeof (raw as Record<string, unknown>)[name] === 'function'
}

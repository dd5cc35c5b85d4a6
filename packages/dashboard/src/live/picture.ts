import type { Analytics, CacheManager, GovernanceReport, WindowName } from 'tierwise'
import type { ResolvedOptions } from '../options.ts'
import type { ShownAlert } from '../sources.ts'
import type { Consistency, FeedItem, NamespaceView, Picture, Point, WindowView } from '../wire.ts'
import { shorten } from './text.ts'

const windowNames: readonly WindowName[] = ['1m', '15m', '1h', '24h']
const mostNamespaces = 60
const mostAlerts = 50

export interface Moment {
  readonly analytics: Analytics
  readonly point: Point | undefined
  readonly feed: readonly FeedItem[]
}

/** How everything is now; of bounded size, however many namespaces there are. */
export async function takePicture(
  manager: CacheManager,
  options: ResolvedOptions,
  { analytics, point, feed }: Moment,
): Promise<Picture> {
  const governance = manager.governanceReport()
  const namespaces = namespacesOf(analytics, governance)
  const { at, since, overall, hitRate, tiers, loadLatency, keyFamilies, recommendations } = analytics
  return {
    at: Math.round(at),
    since,
    intervalMs: options.intervalMs,
    pid: process.pid,
    ...(point === undefined ? {} : { point }),
    health: await manager.health(),
    overall: { ...overall, lookups: {} },
    hitRate,
    tiers,
    loadLatency: Object.fromEntries(Object.entries(loadLatency).slice(0, mostNamespaces)),
    windows: windowsOf(analytics),
    hotKeys: analytics.hotKeys.map((hot) => ({ ...hot, key: shorten(hot.key, 300) })),
    keyFamilies: keyFamilies.map((each) => ({ ...each, family: shorten(each.family, 300) })),
    recommendations: recommendations.slice(0, mostAlerts),
    namespaces: namespaces.slice(0, mostNamespaces),
    otherNamespaces: Math.max(0, namespaces.length - mostNamespaces),
    governance: {
      operations: governance.operations,
      violations: governance.violations,
      ttlOverrides: governance.ttlOverrides,
      immortalEntries: governance.immortalEntries,
      worstOffenders: governance.worstOffenders,
    },
    consistency: consistencyOf(options),
    alerts: alertsOf(options),
    feed,
  }
}

function namespacesOf(analytics: Analytics, governance: GovernanceReport): readonly NamespaceView[] {
  const names = knownNamespaces(analytics, governance)
  const quarter = analytics.windows?.['15m'].namespaces ?? {}
  const busy = (name: string): number => quarter[name]?.gets ?? 0
  const used = (name: string): number => analytics.namespaces[name]?.gets ?? 0
  return [...names]
    .sort((a, b) => busy(b) - busy(a) || used(b) - used(a) || (a < b ? -1 : 1))
    .map((name) => ({
      name,
      coherence: analytics.coherence[name],
      stats: analytics.namespaces[name],
      governance: governance.namespaces[name],
      windows: Object.fromEntries(
        windowNames.flatMap((window) => {
          const counters = analytics.windows?.[window].namespaces[name]
          return counters === undefined ? [] : [[window, counters]]
        }),
      ),
    }))
}

/** The namespaces that exist: asking a manager for another one would make it. */
export function knownNamespaces(analytics: Analytics, governance: GovernanceReport): ReadonlySet<string> {
  return new Set([analytics.namespaces, analytics.coherence, governance.namespaces].flatMap(Object.keys))
}

function windowsOf({ windows }: Analytics): Picture['windows'] {
  if (windows === undefined) return undefined
  const entries = windowNames.map((name): [WindowName, WindowView] => {
    const { coveredMs, overall } = windows[name]
    return [name, { coveredMs, overall }]
  })
  return Object.fromEntries(entries) as Record<WindowName, WindowView>
}

/** Those that fire come first. */
function alertsOf({ alerts }: ResolvedOptions): Picture['alerts'] {
  const inState = (wanted: string): readonly ShownAlert[] =>
    alerts?.alerts.filter(({ state }) => state === wanted) ?? []
  if (alerts === undefined) return undefined
  return [...inState('firing'), ...inState('pending')]
    .slice(0, mostAlerts)
    .map(({ rule: { name, severity, summary }, state, labels, since }) => ({
      rule: { name, ...(severity === undefined ? {} : { severity }), ...(summary === undefined ? {} : { summary }) },
      state,
      ...(labels === undefined ? {} : { labels }),
      ...(since === undefined ? {} : { since }),
    }))
}

function consistencyOf({ auditor }: ResolvedOptions): Consistency | undefined {
  if (auditor === undefined) return undefined
  const report = auditor.report()
  const found = report.inconsistencies.slice(-20)
  return {
    checked: report.checked,
    unknown: report.unknown,
    suspected: report.suspected,
    inconsistent: report.inconsistent,
    consistency: report.consistency,
    nines: report.nines === Infinity ? null : report.nines,
    inconsistencies: found.map(({ kind, namespace, key }) => ({ kind, namespace, key: shorten(key, 300) })),
  }
}

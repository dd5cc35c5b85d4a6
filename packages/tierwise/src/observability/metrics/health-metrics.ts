import type { MetricSample, ReadMetric } from './metric.ts'
import { known } from './tier-metrics.ts'

/** How the manager is. */
export const healthMetrics: readonly ReadMetric[] = [
  flag('up', '0 when the manager is stopped or a required tier cannot be used, else 1.', ({ status }) =>
    status === 'down' ? 0 : 1,
  ),
  flag('ready', 'Whether traffic should come here: the required tiers were opened and can be used.', ({ ready }) =>
    Number(ready),
  ),
  flag('healthy', '0 when a tier is unhealthy, or it is not known what others have changed.', ({ healthy }) =>
    Number(healthy),
  ),
  {
    ...gauge('tier_healthy', 'Whether the breakers of the tier are closed and nothing waits for it.'),
    labels: ['tier'],
    read: ({ health }) => health.tiers.map(({ name: tier, healthy }) => ({ labels: { tier }, value: Number(healthy) })),
  },
  {
    ...gauge('bus_confirmed', 'Whether it is known what other instances have changed; absent where no tier tells.'),
    // Before the first use nobody has asked.
    read: ({ health: { bus, state } }) =>
      known(bus === undefined || state !== 'started' ? undefined : Number(bus.confirmedAgoMs !== undefined)),
  },
  {
    ...gauge('bus_confirmed_age_seconds', 'Everything has been heard that others changed up to so long ago.'),
    unit: 'seconds',
    read: ({ health: { bus } }) => known(bus?.confirmedAgoMs === undefined ? undefined : bus.confirmedAgoMs / 1000),
  },
  {
    ...gauge('pending_writes', 'Writes that were acknowledged and have not reached their tiers yet.'),
    read: ({ health }): MetricSample[] => [{ labels: {}, value: health.pendingWrites }],
  },
]

function gauge(name: string, help: string): Pick<ReadMetric, 'name' | 'type' | 'unit' | 'labels' | 'help'> {
  return { name, type: 'gauge', unit: undefined, labels: [], help }
}

function flag(
  name: string,
  help: string,
  value: (health: Parameters<ReadMetric['read']>[0]['health']) => number,
): ReadMetric {
  return { ...gauge(name, help), read: ({ health }) => [{ labels: {}, value: value(health) }] }
}

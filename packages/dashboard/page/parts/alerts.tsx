import type { JSX } from 'preact'
import type { ShownAlert } from '../../src/sources.ts'
import { clock } from '../format.ts'
import { Badge, Panel, type Tone } from './panel.tsx'

export function Alerts({ alerts }: { readonly alerts: readonly ShownAlert[] }): JSX.Element {
  return (
    <Panel title="Alerts" id="alerts" class="span-12 tight">
      {alerts.length === 0 ? (
        <p class="quiet">No alert is firing.</p>
      ) : (
        <ul class="rows">
          {alerts.map((alert) => (
            <li key={`${alert.rule.name} ${JSON.stringify(alert.labels)}`}>
              <Badge tone={toneOf(alert)}>
                {alert.rule.name}
                {alert.state === 'pending' ? ' (not for long enough yet)' : ''}
              </Badge>
              <span>
                {alert.rule.summary ?? ''} <span class="quiet">{labelsOf(alert)}</span>
              </span>
              {alert.since === undefined ? null : <time class="quiet">since {clock(alert.since)}</time>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function toneOf({ state, rule: { severity = '' } }: ShownAlert): Tone {
  if (state === 'pending') return 'info'
  if (/crit|error|page|high/i.test(severity)) return 'bad'
  return /info|low/i.test(severity) ? 'info' : 'warning'
}

function labelsOf({ labels = {} }: ShownAlert): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

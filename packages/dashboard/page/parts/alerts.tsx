import type { JSX } from 'preact'
import type { FiringAlert } from '../../src/sources.ts'
import { clock } from '../format.ts'
import { Badge, Panel, type Tone } from './panel.tsx'

export function Alerts({ alerts }: { readonly alerts: readonly FiringAlert[] }): JSX.Element {
  return (
    <Panel title="Alerts" id="alerts" class="span-12 tight">
      {alerts.length === 0 ? (
        <p class="quiet">No alert is firing.</p>
      ) : (
        <ul class="rows">
          {alerts.map((alert) => (
            <li key={`${alert.name} ${JSON.stringify(alert.labels)}`}>
              <Badge tone={toneOf(alert)}>{alert.name}</Badge>
              <span>
                {alert.summary ?? ''} <span class="quiet">{labelsOf(alert)}</span>
              </span>
              {alert.since === undefined ? null : <time class="quiet">since {clock(alert.since)}</time>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function toneOf({ severity = '' }: FiringAlert): Tone {
  if (/crit|error|page|high/i.test(severity)) return 'bad'
  return /info|low/i.test(severity) ? 'info' : 'warning'
}

function labelsOf({ labels = {} }: FiringAlert): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

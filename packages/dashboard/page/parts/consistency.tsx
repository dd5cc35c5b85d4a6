import type { JSX } from 'preact'
import type { Consistency as Report, Picture } from '../../src/wire.ts'
import { count, milliseconds, plural } from '../format.ts'
import { Badge, Empty, Panel } from './panel.tsx'

/** What was measured of consistency, and how others are heard. */
export function Consistency({ picture }: { readonly picture: Picture }): JSX.Element {
  const { consistency, health, overall } = picture
  return (
    <Panel title="Consistency" id="consistency" class="span-4">
      {consistency === undefined ? (
        <Empty>
          Not measured. Give the dashboard an auditor: <code>createAuditor</code> of <code>tierwise/auditor</code>{' '}
          compares memory with the shared tier, key by key.
        </Empty>
      ) : (
        <Nines report={consistency} />
      )}
      <dl class="lines wide">
        <div>
          <dt>Bus</dt>
          <dd>{busText(health.bus)}</dd>
        </div>
        <div>
          <dt>Invalidations told to others</dt>
          <dd>{count(overall.invalidations)}</dd>
        </div>
        <div>
          <dt>Changes of others applied</dt>
          <dd>{count(overall.foreignChanges)}</dd>
        </div>
        <div>
          <dt>Loads overtaken by an invalidation</dt>
          <dd>{count(overall.rejectedFills)}</dd>
        </div>
      </dl>
    </Panel>
  )
}

function busText(bus: Picture['health']['bus']): string {
  if (bus === undefined) return 'none; no tier tells of others'
  const of = bus.tier === undefined ? '' : `${bus.tier}, `
  if (bus.confirmedAgoMs === undefined) return `${of}unknown what others have changed`
  return `${of}all heard up to ${milliseconds(Math.round(bus.confirmedAgoMs))} ago`
}

function Nines({ report }: { readonly report: Report }): JSX.Element {
  const { checked, inconsistent, suspected, unknown, nines, inconsistencies } = report
  return (
    <>
      <p class="nines">
        <b>{ninesText(report)}</b>{' '}
        {inconsistent === 0 ? null : (
          <Badge tone="warning">{plural(inconsistent, 'inconsistency', 'inconsistencies')}</Badge>
        )}
      </p>
      <p class="quiet">
        {plural(checked, 'comparison')}, {count(suspected)} suspected, {count(unknown)} without a result
        {nines === null && checked > 0 ? '; none was wrong for longer than is tolerated' : ''}
      </p>
      {inconsistencies.length === 0 ? null : (
        <ul class="rows">
          {inconsistencies.toReversed().map(({ kind, namespace, key }, index) => (
            <li key={index}>
              <Badge tone="bad">{kind === 'memory' ? 'memory behind' : 'source differs'}</Badge>
              <span>
                {namespace}: <span class="key">{key}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** Without a fault there is only a lower bound: so many comparisons cannot show more nines than they have digits. */
function ninesText({ checked, nines }: Report): string {
  if (checked === 0 || nines === undefined) return 'not yet'
  if (nines === null) return `≥ ${Math.log10(checked).toFixed(1)} nines`
  return `${nines.toFixed(1)} nines`
}

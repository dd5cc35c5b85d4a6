import type { JSX } from 'preact'
import type { InspectAnswer, InspectedTier, InspectRequest } from '../../src/wire.ts'
import { bytes, span } from '../format.ts'
import { Badge, Scroll, type Tone } from './panel.tsx'

interface LookupResultProps {
  readonly request: InspectRequest
  readonly answer: InspectAnswer
  readonly onInvalidate: (() => void) | undefined
}

export function LookupResult({ request, answer, onInvalidate }: LookupResultProps): JSX.Element {
  const tags = answer.tiers.find(({ tags: own = [] }) => own.length > 0)?.tags ?? []
  const value = answer.tiers.find((each) => each.value !== undefined)?.value
  return (
    <div class="stack" id="lookup-result">
      <p role="status">
        <span class="key">{request.key}</span>
        <span class="quiet"> in {request.namespace}</span>
        {tags.length === 0 ? null : <span class="quiet">, tags: {tags.join(', ')}</span>}
      </p>
      <Scroll label="What each tier holds of the key">
        <table>
          <thead>
            <tr>
              <th scope="col">Tier</th>
              <th scope="col">state</th>
              <th scope="col" class="n">
                age
              </th>
              <th scope="col" class="n">
                fresh for
              </th>
              <th scope="col" class="n">
                leaves in
              </th>
              <th scope="col" class="n">
                size
              </th>
              <th scope="col" class="n">
                version
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.tiers.map((tier) => (
              <ResultRow key={tier.tier} tier={tier} at={answer.at} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {value === undefined ? null : <pre class="value-text">{value}</pre>}
      {onInvalidate === undefined ? null : (
        <div class="buttons start">
          <button type="button" class="danger" onClick={onInvalidate}>
            Invalidate this key …
          </button>
        </div>
      )}
    </div>
  )
}

const tones: Readonly<Record<InspectedTier['state'], Tone>> = {
  fresh: 'good',
  stale: 'warning',
  dead: 'quiet',
  absent: 'quiet',
  unknown: 'bad',
}

function ResultRow({ tier, at }: { readonly tier: InspectedTier; readonly at: number }): JSX.Element {
  const left = (until: number | undefined): string => {
    if (tier.createdAt === undefined) return '–'
    if (until === undefined) return 'for ever'
    return until < at ? 'over' : span(until - at)
  }
  return (
    <tr data-tier={tier.tier}>
      <th scope="row">{tier.tier}</th>
      <td>
        <Badge tone={tones[tier.state]}>{tier.state}</Badge>
      </td>
      <td class="n">{tier.createdAt === undefined ? '–' : span(at - tier.createdAt)}</td>
      <td class="n">{left(tier.expiresAt)}</td>
      <td class="n">{left(tier.usableUntil)}</td>
      <td class="n">{bytes(tier.sizeBytes)}</td>
      <td class="n">{tier.version ?? '–'}</td>
    </tr>
  )
}

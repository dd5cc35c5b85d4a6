import type { JSX } from 'preact'
import type { Picture } from '../../src/wire.ts'
import { Badge, Empty } from './panel.tsx'

export function Recommendations({ picture: { recommendations } }: { readonly picture: Picture }): JSX.Element {
  if (recommendations.length === 0)
    return (
      <Empty>
        None. When counters show that something could be better, it stands here with the figures it follows from.
      </Empty>
    )
  return (
    <ul class="rows advice">
      {recommendations.map(({ rule, severity, namespace, tier, advice, reason }) => (
        <li key={`${rule} ${namespace} ${tier}`}>
          <Badge tone={severity}>{rule}</Badge>
          <span>
            {namespace === undefined && tier === undefined ? null : (
              <b>{[namespace, tier].filter((each) => each !== undefined).join(', ')}: </b>
            )}
            {advice} <span class="quiet">{reason}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}

import type { ComponentChildren, JSX } from 'preact'
import type { TierStats } from 'tierwise'
import type { Picture, Point } from '../../src/wire.ts'
import { bytes, count, milliseconds, percent, plural, rate } from '../format.ts'
import { Badge, Bar, Panel, type Tone } from './panel.tsx'

interface ChainProps {
  readonly picture: Picture
  readonly points: readonly Point[]
}

const recently = 10

/** The tiers in the order in which they are asked, and what goes on to the next. */
export function Chain({ picture, points }: ChainProps): JSX.Element {
  const names = Object.keys(picture.tiers)
  const latest = points.slice(-recently)
  const now = points.at(-1)
  return (
    <Panel title="Chain" id="chain" class="span-12" aside={<span>now, by second</span>}>
      <ol class="chain">
        <Stage name="Callers" class="end" figure={rate(now?.gets)} unit="reads/s">
          <Line name="hits" value={now && rate(now.hits + now.staleHits)} />
          <Line name="misses" value={now && rate(now.misses)} />
        </Stage>
        {names.map((name, index) => (
          <TierStage key={name} {...{ name, index, picture, now, latest }} />
        ))}
        <Stage name="Source" class="end" figure={rate(now?.loads)} unit="loads/s" flow={now && rate(now.loads)}>
          <Line name="failed" value={now && rate(now.loadFailures)} />
          <Line name="shared" value={now && rate(now.loadsSaved)} />
        </Stage>
      </ol>
    </Panel>
  )
}

interface TierStageProps {
  readonly name: string
  readonly index: number
  readonly picture: Picture
  readonly now: Point | undefined
  readonly latest: readonly Point[]
}

function TierStage({ name, index, picture, now, latest }: TierStageProps): JSX.Element | null {
  const tier = picture.tiers[name]
  if (tier === undefined) return null
  const rates = now?.tiers[name]
  const gets = sum(latest, (point) => point.gets)
  const share = gets === 0 ? undefined : sum(latest, (point) => point.tiers[name]?.hits ?? 0) / gets
  const reads = tier.operations.get?.latency ?? tier.hitLatency
  return (
    <Stage
      name={name}
      class={`tier tier-${index % 6}`}
      figure={rate(rates?.hits)}
      unit="answers/s"
      flow={rates && rate(rates.lookups)}
      badge={<TierState picture={picture} name={name} />}
    >
      <Line name="of all reads" value={percent(share)}>
        <Bar share={share} />
      </Line>
      <Line
        name="p50 / p99"
        value={reads === undefined ? undefined : `${milliseconds(reads.p50Ms)} / ${milliseconds(reads.p99Ms)}`}
      />
      <Fill tier={tier} />
      <Line name="waiting" value={tier.intents === 0 ? 'nothing' : plural(tier.intents, 'invalidation')} />
      <Line name="breakers" value={breakersOf(tier)} />
    </Stage>
  )
}

/** What it holds, against its budget if it has one. */
function Fill({ tier: { bytes: held, maxBytes, entries } }: { readonly tier: TierStats }): JSX.Element {
  const share = held !== undefined && maxBytes !== undefined && Number.isFinite(maxBytes) ? held / maxBytes : undefined
  const ofBudget = share === undefined ? '' : ` of ${bytes(maxBytes)}`
  return (
    <>
      <Line name="holds" value={held === undefined ? undefined : `${bytes(held)}${ofBudget}`}>
        {share === undefined ? null : <Bar share={share} class={share > 0.9 ? 'full' : ''} />}
      </Line>
      <Line name="keys" value={count(entries)} />
    </>
  )
}

const tones: Readonly<Record<string, Tone>> = { closed: 'good', 'half-open': 'warning', open: 'bad' }
const words: Readonly<Record<string, string>> = { closed: 'Well', 'half-open': 'Probing', open: 'Left alone' }

function TierState({ picture, name }: Pick<TierStageProps, 'picture' | 'name'>): JSX.Element {
  const health = picture.health.tiers.find((each) => each.name === name)
  if (health === undefined) return <Badge tone="quiet">Unknown</Badge>
  if (health.breaker === 'closed' && !health.healthy) return <Badge tone="warning">Behind</Badge>
  return <Badge tone={tones[health.breaker] ?? 'quiet'}>{words[health.breaker]}</Badge>
}

/** The operations that are not let through, if any; always one line, so that nothing moves when a breaker does. */
function breakersOf({ breakers }: TierStats): string {
  if (breakers === undefined) return 'none needed'
  const kindsIn = (wanted: string): string =>
    Object.entries(breakers)
      .filter(([, state]) => state === wanted)
      .map(([kind]) => kind)
      .join(', ')
  const [open, probing] = [kindsIn('open'), kindsIn('half-open')]
  if (open !== '') return open
  return probing === '' ? 'closed' : `probing ${probing}`
}

interface StageProps {
  readonly name: string
  readonly class: string
  readonly figure: string
  readonly unit: string
  /** How often it is asked; shown on the way to it. */
  readonly flow?: string | undefined
  readonly badge?: ComponentChildren
  readonly children: ComponentChildren
}

function Stage({ name, class: own, figure, unit, flow, badge, children }: StageProps): JSX.Element {
  return (
    <li class={`stage ${own}`} data-stage={name}>
      {own === 'end' && flow === undefined ? null : (
        <div class="flow">
          <span class="flow-value">{flow ?? '–'}</span>
          <span class="flow-arrow" aria-hidden="true" />
          <span class="sr">asked a second</span>
        </div>
      )}
      <div class="stage-body">
        <div class="stage-head">
          <h3>{name}</h3>
          {badge}
        </div>
        <p class="stage-figure">
          <b>{figure}</b> <span>{unit}</span>
        </p>
        <dl class="lines">{children}</dl>
      </div>
    </li>
  )
}

interface LineProps {
  readonly name: string
  readonly value: string | undefined
  readonly children?: ComponentChildren
}

function Line({ name, value, children }: LineProps): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value ?? '–'}
        {children}
      </dd>
    </div>
  )
}

function sum(points: readonly Point[], of: (point: Point) => number): number {
  return points.reduce((total, point) => total + of(point), 0)
}

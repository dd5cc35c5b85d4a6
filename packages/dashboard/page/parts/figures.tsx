import type { JSX } from 'preact'
import type { WindowName } from 'tierwise'
import type { Picture, Point } from '../../src/wire.ts'
import { count, milliseconds, percent, plural, rate } from '../format.ts'
import { countersOf } from './counters.ts'

interface FiguresProps {
  readonly picture: Picture
  readonly window: WindowName
  readonly points: readonly Point[]
}

/** The few numbers that one looks for first. */
export function Figures({ picture, window, points }: FiguresProps): JSX.Element {
  const { counters, hitRate, words } = countersOf(picture, window)
  const now = points.at(-1)
  const failing = counters.loadFailures
  return (
    <section class="figures span-12" aria-label="At a glance">
      <dl>
        <Figure name="Hit rate" note={words} id="hit-rate" value={percent(hitRate)} />
        <Figure name="Reads" note="a second, now" id="reads" value={rate(now?.gets)} />
        <Figure name="Loads" note="a second, now" id="loads" value={rate(now?.loads)} />
        <Figure name="Loads saved" note={`by sharing, ${words}`} id="saved" value={count(counters.loadsSaved)} />
        <Figure name="Served stale" note={words} id="stale" value={count(counters.staleHits)} />
        <Figure
          name="Load failures"
          note={words}
          id="failures"
          value={count(failing)}
          tone={failing > 0 ? 'warning' : undefined}
        />
        <BusFigure picture={picture} />
        <WaitingFigure picture={picture} />
      </dl>
    </section>
  )
}

function BusFigure({ picture: { health, overall } }: Pick<FiguresProps, 'picture'>): JSX.Element {
  const { bus } = health
  const name = 'Bus lag'
  if (bus === undefined) return <Figure name={name} note="no tier tells of others" id="bus" value="none" />
  const isKnown = bus.confirmedAgoMs !== undefined
  return (
    <Figure
      name={name}
      note={isKnown ? `${plural(overall.foreignChanges, 'change')} of others applied` : 'not known what others changed'}
      id="bus"
      value={isKnown ? milliseconds(Math.round(bus.confirmedAgoMs ?? 0)) : 'unknown'}
      tone={isKnown ? undefined : 'warning'}
    />
  )
}

function WaitingFigure({ picture: { health } }: Pick<FiguresProps, 'picture'>): JSX.Element {
  const intents = health.tiers.reduce((sum, tier) => sum + tier.intents, 0)
  return (
    <Figure
      name="Waiting"
      note={`${plural(health.pendingWrites, 'write')}, ${plural(intents, 'invalidation')}`}
      id="waiting"
      value={count(health.pendingWrites + intents)}
      tone={intents > 0 ? 'warning' : undefined}
    />
  )
}

interface FigureProps {
  readonly name: string
  readonly note: string
  readonly id: string
  readonly value: string
  readonly tone?: 'warning' | 'bad' | undefined
}

function Figure({ name, note, id, value, tone }: FigureProps): JSX.Element {
  return (
    <div class={`figure ${tone ?? ''}`} data-figure={id}>
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      <dd class="note">{note}</dd>
    </div>
  )
}

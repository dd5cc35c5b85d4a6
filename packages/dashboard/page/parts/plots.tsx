import type { JSX } from 'preact'
import type { WindowName } from 'tierwise'
import type { Picture, Point } from '../../src/wire.ts'
import { milliseconds, rate, span } from '../format.ts'
import { Chart, type ChartSeries } from './chart.tsx'
import { Empty, Panel } from './panel.tsx'

interface PlotProps {
  readonly points: readonly Point[]
  readonly picture: Picture
  readonly window: WindowName
  readonly theme: string
}

/** Seconds. The page keeps an hour; longer windows show that. */
const lengths: Readonly<Record<WindowName, number>> = { '1m': 60, '15m': 900, '1h': 3600, '24h': 3600 }

interface Frame {
  readonly times: readonly number[]
  /** Undefined where nobody looked. */
  readonly rows: readonly (Point | undefined)[]
  readonly span: { readonly from: number; readonly to: number }
}

export function ReadsPlot(props: PlotProps): JSX.Element {
  const { picture } = props
  const frame = frameOf(props)
  const now = frame.rows.at(-1)
  const line = (label: string, colour: string, of: (point: Point) => number): ChartSeries => ({
    label,
    colour,
    values: frame.rows.map((point) => (point === undefined ? null : of(point))),
    now: rate(now && of(now)),
  })
  const series = [
    ...Object.keys(picture.tiers).map((name, index) =>
      line(name, `--tier-${index % 6}`, (point) => point.tiers[name]?.hits ?? 0),
    ),
    line('served stale', '--warning', (point) => point.staleHits),
    line('missed', '--text-quiet', (point) => point.misses),
  ]
  return (
    <Plot id="reads-plot" title="Reads a second, by who answered" frame={frame}>
      <Chart
        {...{ ...frame, series, theme: props.theme }}
        format={rate}
        text={describe('Reads a second', series, frame)}
      />
    </Plot>
  )
}

export function LatencyPlot(props: PlotProps): JSX.Element {
  const frame = frameOf(props)
  const series = Object.keys(props.picture.tiers).map((name, index): ChartSeries => {
    const values = frame.rows.map((point) => point?.tiers[name]?.readMs ?? null)
    return {
      label: name,
      colour: `--tier-${index % 6}`,
      values,
      now: milliseconds(values.findLast((each) => each !== null)),
    }
  })
  return (
    <Plot id="latency-plot" title="Mean time of a read, by tier" frame={frame}>
      <Chart
        {...{ ...frame, series, theme: props.theme, isLogarithmic: true }}
        format={milliseconds}
        text={describe('Mean time of a read', series, frame)}
      />
    </Plot>
  )
}

interface PlotFrameProps {
  readonly id: string
  readonly title: string
  readonly frame: Frame
  readonly children: JSX.Element
}

function Plot({ id, title, frame, children }: PlotFrameProps): JSX.Element {
  const length = span((frame.span.to - frame.span.from) * 1000)
  return (
    <Panel title={title} id={id} class="span-6" aside={<span>last {length}</span>}>
      {frame.times.length === 0 ? <Empty>The first rates come with the second picture.</Empty> : children}
    </Panel>
  )
}

function frameOf({ points, picture, window }: PlotProps): Frame {
  const to = picture.at / 1000
  const longest = to - lengths[window]
  // What was not watched is not shown as an empty plot; a minute is the least.
  const from = Math.max(longest, Math.min((points[0]?.at ?? 0) / 1000, to - lengths['1m']))
  const times: number[] = []
  const rows: (Point | undefined)[] = []
  for (const point of points) {
    const at = point.at / 1000
    if (at < from) continue
    const before = times.at(-1)
    if (before !== undefined && at - before > (picture.intervalMs / 1000) * 4) {
      times.push(before + 0.001)
      rows.push(undefined)
    }
    times.push(at)
    rows.push(point)
  }
  return { times, rows, span: { from, to } }
}

function describe(what: string, series: readonly ChartSeries[], { span: { from, to } }: Frame): string {
  return `${what} over the last ${span((to - from) * 1000)}. Now: ${series.map(({ label, now }) => `${label} ${now}`).join(', ')}.`
}

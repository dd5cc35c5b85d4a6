import { useEffect, useRef } from 'preact/hooks'
import type { JSX } from 'preact'
import uPlot from 'uplot'
import { colour } from '../theme.ts'

export interface ChartSeries {
  readonly label: string
  /** Name of a variable of the theme. */
  readonly colour: string
  readonly values: readonly (number | null)[]
  readonly now: string
}

interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly text: string
  /** Epoch seconds. */
  readonly times: readonly number[]
  readonly span: { readonly from: number; readonly to: number }
  readonly series: readonly ChartSeries[]
  readonly format: (value: number) => string
  readonly isLogarithmic?: boolean
  /** Painted anew when it changes, for colours and fonts. */
  readonly theme: string
}

/** Lines differ by their dashes too. */
const dashes: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [1, 2]]
const height = 190

export function Chart(props: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const names = props.series.map(({ label }) => label).join('\n')
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const painted = new uPlot(optionsOf(props, element.clientWidth), dataOf(props), element)
    plot.current = painted
    const observer = new ResizeObserver(() => painted.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      painted.destroy()
    }
    // Everything else arrives by `setData`.
  }, [names, props.theme])
  useEffect(() => {
    plot.current?.batch(() => {
      plot.current?.setData(dataOf(props), false)
      plot.current?.setScale('x', { min: props.span.from, max: props.span.to })
    })
  })
  return (
    <figure class="chart">
      <div class="canvas" ref={place} role="img" aria-label={props.text} />
      <Legend series={props.series} />
    </figure>
  )
}

function Legend({ series }: Pick<ChartProps, 'series'>): JSX.Element {
  return (
    <ul class="legend">
      {series.map(({ label, colour: variable, now }, index) => (
        <li key={label}>
          <svg viewBox="0 0 24 4" aria-hidden="true">
            <line
              x1="0"
              y1="2"
              x2="24"
              y2="2"
              stroke={`var(${variable})`}
              stroke-width="2.5"
              stroke-dasharray={dashes[index % dashes.length]?.join(' ')}
            />
          </svg>
          {label} <b>{now}</b>
        </li>
      ))}
    </ul>
  )
}

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])]
}

function optionsOf({ series, format, isLogarithmic = false, span }: ChartProps, width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colour('--text-quiet'),
    font: `11px ${colour('--font')}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: true, min: span.from, max: span.to },
      y: isLogarithmic ? { distr: 3, range: logarithmicRange } : { range: (_plot, _min, max) => [0, niceMaximum(max)] },
    },
    axes: [
      { ...axis, size: 26, values: '{HH}:{mm}:{ss}' },
      {
        ...axis,
        size: 62,
        // Of a round number the noughts say nothing.
        values: (_plot, splits) =>
          splits.map((value) => (value === null ? '' : format(value).replace(/\.0+(?= |$)/, ''))),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour: variable }, index): uPlot.Series => ({
        label,
        stroke: colour(variable),
        width: 1.75,
        dash: [...(dashes[index % dashes.length] ?? [])],
        points: { show: false },
        spanGaps: false,
      })),
    ],
  }
}

/** Whole decades, so that the axis stands still while values move. */
function logarithmicRange(_plot: uPlot, min: number, max: number): [number, number] {
  const low = min > 0 ? 10 ** Math.floor(Math.log10(min)) : 0.001
  const high = max > 0 ? 10 ** Math.ceil(Math.log10(max)) : 1
  return [low, high > low ? high : low * 10]
}

/** 1, 2, 3 or 5 and noughts: an axis that changes with every picture cannot be read. */
function niceMaximum(max: number | null): number {
  if (max === null || max <= 1) return 1
  const power = 10 ** Math.floor(Math.log10(max))
  return ([1, 2, 3, 5, 10].find((step) => step * power >= max) ?? 10) * power
}

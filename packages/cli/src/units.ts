const sizes = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const
const durations = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Bytes of `512`, `'64mb'`; undefined for anything else. */
export function bytesOf(size: unknown): number | undefined {
  return inUnits(size, sizes)
}

/** Milliseconds of `500`, `'5m'`; `Infinity` for `'forever'`; undefined for anything else. */
export function millisecondsOf(duration: unknown): number | undefined {
  return duration === 'forever' ? Infinity : inUnits(duration, durations)
}

function inUnits(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return value
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(String(value)) ?? []
  const factor = units[unit]
  return factor === undefined ? undefined : Number(digits) * factor
}

/** `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[power]}`
}

/** `0.42 ms`, `12 s`, `3 d`; the largest unit that gives a whole, or one digit behind the point. */
export function durationText(milliseconds: number): string {
  if (milliseconds === Infinity) return 'for ever'
  if (milliseconds < 1000) return `${milliseconds < 10 ? Number(milliseconds.toFixed(2)) : Math.round(milliseconds)} ms`
  const [unit, factor] = Object.entries(durations)
    .toReversed()
    .find(([, each]) => milliseconds >= each) ?? ['ms', 1]
  return `${Number((milliseconds / factor).toFixed(1))} ${unit}`
}

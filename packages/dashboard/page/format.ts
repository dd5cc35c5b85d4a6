const none = '–'

/** A number in at most four characters and a unit. */
export function count(value: number | undefined): string {
  if (value === undefined) return none
  if (value >= 1e9) return `${digits(value / 1e9)} G`
  if (value >= 1e6) return `${digits(value / 1e6)} M`
  if (value >= 1e4) return `${digits(value / 1e3)} k`
  return Math.round(value).toLocaleString('en')
}

export function rate(value: number | undefined): string {
  if (value === undefined) return none
  return value > 0 && value < 10 ? value.toFixed(1) : count(value)
}

export function percent(share: number | undefined): string {
  if (share === undefined) return none
  const value = share * 100
  // What is not quite all must not look like all.
  if (value > 99.9 && value < 100) return `${(Math.floor(value * 100) / 100).toFixed(2)} %`
  return `${value.toFixed(1)} %`
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return none
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10))
  const inUnit = value / 1024 ** power
  return `${Number.isInteger(inUnit) ? inUnit : digits(inUnit)} ${units[power]}`
}

/** A time that is measured: from nanoseconds to seconds. */
export function milliseconds(value: number | null | undefined): string {
  if (value === undefined || value === null) return none
  if (value === 0) return '0 ms'
  if (value < 0.001) return `${Math.round(value * 1e6)} ns`
  if (value < 1) return `${digits(value * 1000)} µs`
  if (value < 1000) return `${digits(value)} ms`
  return `${digits(value / 1000)} s`
}

/** A time that passes: from seconds to days. */
export function span(ms: number | undefined): string {
  if (ms === undefined) return none
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}

export function plural(many: number, one: string, several = `${one}s`): string {
  return `${count(many)} ${many === 1 ? one : several}`
}

function digits(value: number): string {
  if (value >= 100) return String(Math.round(value))
  return value.toFixed(value >= 10 ? 1 : 2)
}

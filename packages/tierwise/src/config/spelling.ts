import leven from 'leven'

/** The known name that was probably meant. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const [best] = known.toSorted((a, b) => leven(a, given) - leven(b, given))
  return best !== undefined && leven(best, given) <= Math.max(2, given.length / 3) ? best : undefined
}

/** That a name is unknown, and what to write instead. */
export function unknown(given: string, known: readonly string[]): string {
  const near = nearest(given, known)
  if (near !== undefined) return `Did you mean \`${near}\`?`
  return known.length === 0 ? 'There are none.' : `Known: ${known.join(', ')}.`
}

const units: readonly (readonly [unit: string, words: RegExp])[] = [
  ['ms', /^(?:ms|msecs?|millis|milliseconds?)$/i],
  ['s', /^(?:s|secs?|seconds?)$/i],
  ['m', /^(?:m|mins?|minutes?)$/i],
  ['h', /^(?:h|hrs?|hours?)$/i],
  ['d', /^(?:d|days?)$/i],
  ['b', /^(?:b|bytes?)$/i],
  ['kb', /^(?:k|kb|kib)$/i],
  ['mb', /^(?:mb|mib)$/i],
  ['gb', /^(?:g|gb|gib)$/i],
]

/** The amount that was probably meant by one in another notation, `'5m'` for `'5 mins'`, if it is of the kind that is allowed. */
export function nearestAmount(given: string, allowed: string): string | undefined {
  const [, digits, word = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(given) ?? []
  const unit = units.find(([, words]) => words.test(word))?.[0]
  if (digits === undefined || unit === undefined || !allowed.includes(unit.endsWith('b') ? 'bytes' : 'milliseconds'))
    return undefined
  const amount = `${Number(digits)}${unit}`
  return amount === given ? undefined : amount
}

/** YAML of old took `yes` and `on` for true; that of today does not. */
export function nearestBoolean(given: string): string {
  if (/^(?:y|yes|on|true|1)$/i.test(given)) return ' Did you mean true?'
  return /^(?:n|no|off|false|0)$/i.test(given) ? ' Did you mean false?' : ''
}

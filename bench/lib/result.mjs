import { ratio, spread } from './figures.mjs'

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} value
 * @property {string} unit
 * @property {number} [ratio] How many times the value of `against`.
 * @property {string} [against]
 * @property {number} [target] What `ratio`, or `value` when there is no ratio, has to reach.
 * @property {boolean} [atMost] The target is a ceiling, not a floor.
 * @property {boolean} [pass]
 * @property {string} [note]
 */

/**
 * @typedef {object} Result What every bench hands over, one for each table.
 * @property {string} title
 * @property {string} work What each side does, in a sentence.
 * @property {Row[]} rows
 */

/**
 * @typedef {object} Claim
 * @property {string} name
 * @property {string} against
 * @property {number} [atLeast]
 */

/** Operations in one unit. */
const unitSizes = { 'Mops/s': 1e6, 'Kops/s': 1e3 }

/** @typedef {keyof typeof unitSizes} SpeedUnit */

/**
 * Turns measured speeds into rows: one a contestant, and below it one for each claim made about it.
 *
 * @param {Map<string, number[]>} speeds passes per second by contestant and round
 * @param {{ operations: number, claims: readonly Claim[], notes?: ReadonlyMap<string, string>, unit?: SpeedUnit }} reading
 *   `operations` is the number of them in one pass
 * @returns {Row[]}
 */
export function speedRows(speeds, { operations, claims, notes, unit = 'Mops/s' }) {
  const rows = []
  for (const [name, rounds] of speeds) {
    const value = (spread(rounds).median * operations) / unitSizes[unit]
    const note = notes?.get(name)
    rows.push({ name, value, unit, ...(note !== undefined && { note }) })
    for (const claim of claims) if (claim.name === name) rows.push({ ...claimRow(claim, speeds), value, unit })
  }
  return rows
}

/** @param {Claim} claim @param {Map<string, number[]>} speeds @returns {Omit<Row, 'value' | 'unit'>} */
function claimRow({ name, against, atLeast }, speeds) {
  const own = speeds.get(name)
  const other = speeds.get(against)
  if (!own || !other) throw new RangeError(`A claim compares '${name}' with '${against}', and one of them did not run`)
  const { median, min, max } = ratio(own, other)
  return {
    name,
    ratio: median,
    against,
    note: `rounds ${significant(min)} to ${significant(max)}`,
    ...(atLeast !== undefined && { target: atLeast, pass: median >= atLeast }),
  }
}

/** Three significant digits, without an exponent. @param {number} value */
export function significant(value) {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return Number(value.toPrecision(3)).toString()
}

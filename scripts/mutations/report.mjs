import { readFileSync, writeFileSync } from 'node:fs'
import { describeChange } from './marks.mjs'

/** @typedef {import('./marks.mjs').Mark} Mark */
/** @typedef {import('./check-mark.mjs').Result} Result */
/** @typedef {{ mark: Mark, result: Result | undefined }} Row */

const begin = '<!-- mutations: written by `npm run mutate -- --write` -->'
const end = '<!-- end of mutations -->'

/** The table of a run, by promise. @param {readonly Row[]} rows */
export function tableOf(rows) {
  const sorted = rows.toSorted((a, b) => a.mark.promise.localeCompare(b.mark.promise))
  const lines = sorted.map(({ mark, result }) =>
    [
      mark.promise,
      `\`${mark.name}\``,
      mark.file.replace('packages/tierwise/src/', ''),
      mark.reason,
      describeChange(mark.name),
      noticedBy(result),
      result === undefined ? '' : String(result.seconds),
    ].map(cell),
  )
  return [
    '| keeps | line | in | because | change | noticed by | s |',
    '|---|---|---|---|---|---|---|',
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n')
}

/** @param {Result | undefined} result */
function noticedBy(result) {
  if (result === undefined) return 'not tried'
  return result.outcome === 'noticed' ? result.test : `**${result.outcome}** ${result.test}`.trim()
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** In one line. @param {readonly Row[]} rows */
export function summaryOf(rows) {
  /** @param {string} outcome */
  const count = (outcome) => rows.filter(({ result }) => result?.outcome === outcome).length
  const left = rows.filter(({ result }) => result === undefined).length
  return `${rows.length} lines: ${count('noticed')} noticed, ${count('survived')} survived, ${count('broken')} broken, ${left} not tried`
}

/** Puts the table into a page, between its two markers. @param {string} path @param {readonly Row[]} rows */
export function writePage(path, rows) {
  writeFileSync(path, withTable(readFileSync(path, 'utf8'), `${summaryOf(rows)}.\n\n${tableOf(rows)}`))
}

/** @param {string} page @param {string} table */
export function withTable(page, table) {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error('The page has no markers for the table of mutations')
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(to)}`
}

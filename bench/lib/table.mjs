import { significant } from './result.mjs'

/** @typedef {import('./result.mjs').Result} Result */
/** @typedef {import('./result.mjs').Row} Row */

const heads = ['', 'value', 'ratio', 'target', '', 'note']

/** @param {Result} result */
export function markdownTable({ title, work, rows }) {
  const lines = cellsOf(rows).map((cells) => line(cells.map((cell) => cell.replaceAll('|', '\\|'))))
  return [`### ${title}`, '', work, '', line(heads), '| --- | ---: | :--- | :--- | :--- | :--- |', ...lines, ''].join(
    '\n',
  )
}

/** @param {Result} result */
export function consoleTable({ title, work, rows }) {
  const table = [heads, ...cellsOf(rows)]
  const widths = heads.map((_, column) => Math.max(...table.map((cells) => cells[column].length)))
  const lines = table.map((cells) => {
    const padded = cells.map((cell, column) => (column === 1 ? cell.padStart(widths[1]) : cell.padEnd(widths[column])))
    return `  ${padded.join('  ').trimEnd()}`
  })
  return [title, `  ${work}`, ...lines, ''].join('\n')
}

/** @param {readonly Row[]} rows @returns {string[][]} */
function cellsOf(rows) {
  return rows.map((row, at) => {
    const repeated = rows[at - 1]?.name === row.name && rows[at - 1]?.value === row.value
    return [
      repeated ? '' : row.name,
      repeated ? '' : `${significant(row.value)} ${row.unit}`,
      row.ratio === undefined ? '' : `${significant(row.ratio)} × ${row.against ?? ''}`.trimEnd(),
      targetOf(row),
      row.pass === undefined ? '' : row.pass ? 'PASS' : 'MISS',
      row.note ?? '',
    ]
  })
}

/** @param {Row} row */
function targetOf({ ratio, target, unit, atMost = false }) {
  if (target === undefined) return ''
  return `${atMost ? '≤' : '≥'} ${significant(target)}${ratio === undefined ? ` ${unit}` : ''}`
}

/** @param {readonly string[]} cells */
function line(cells) {
  return `| ${cells.join(' | ')} |`
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { changes } from './changes.mjs'

/**
 * A line of the protocol: the statement below a comment `protocol P1 name: reason`. `P1` to `P6` is the promise that the
 * line keeps; see `docs/design/testing.md`.
 *
 * @typedef {{ name: string, promise: string, reason: string, file: string, line: number }} Mark
 */

/**
 * What is done to the statement: a part of it is replaced; without a change it is removed.
 *
 * @typedef {readonly [from: string, to: string]} Change
 */

const sources = 'packages/tierwise/src'
const markLine = /^\s*(?:\/\/|--) protocol (P\d) ([a-z-]+): (.+)$/

/** Every mark of the sources, in the order of files and lines. @param {string} folder of the repository */
export function findMarks(folder) {
  const files = readdirSync(join(folder, sources), { recursive: true, encoding: 'utf8' })
  const marks = files
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap((file) => marksIn(readFileSync(join(folder, sources, file), 'utf8'), `${sources}/${file}`))
  const names = marks.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`Two marks are called \`${twice}\`; a name stands for one line`)
  const unknown = Object.keys(changes).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new Error(`There is no mark \`${unknown}\`, but scripts/mutations/changes.mjs has one`)
  return marks
}

/** @param {string} text @param {string} file @returns {Mark[]} */
export function marksIn(text, file) {
  return text.split('\n').flatMap((line, at) => {
    const [, promise, name, reason] = markLine.exec(line) ?? []
    return promise && name && reason ? [{ promise, name, reason, file, line: at + 1 }] : []
  })
}

/** In words, for the table. @param {string} name */
export function describeChange(name) {
  const change = changes[name]
  if (change === undefined) return 'removed'
  const [from, to] = change
  return to === '' ? `without \`${from.trim()}\`` : `\`${from}\` → \`${to}\``
}

/** The text of the file without what the mark stands for. @param {string} text @param {Mark} mark */
export function mutate(text, mark) {
  const lines = text.split('\n')
  const { from, to } = statementOf(lines, mark)
  const statement = lines.slice(from, to).join('\n')
  const rest = changed(statement, changes[mark.name], `${mark.file}: ${mark.name}`)
  return [...lines.slice(0, from), rest, ...lines.slice(to)].join('\n')
}

/** What the mark stands for, and what is done to it. @param {string} text @param {Mark} mark */
export function mutationIn(text, mark) {
  const lines = text.split('\n')
  const { from, to } = statementOf(lines, mark)
  return JSON.stringify([lines.slice(from, to), changes[mark.name] ?? null])
}

/** @param {readonly string[]} lines @param {Mark} mark */
function statementOf(lines, { name, file }) {
  // Marks move while a run is under way, so the name counts and not the number of the line.
  const at = lines.findIndex((line) => markLine.exec(line)?.[2] === name)
  if (at < 0) throw new Error(`${file} has no mark \`${name}\``)
  return statementAt(lines, at + 1)
}

/** @param {string} statement @param {Change | undefined} change @param {string} place */
function changed(statement, change, place) {
  if (change === undefined) return ''
  const [from, to] = change
  if (statement.split(from).length !== 2)
    throw new Error(`${place}: \`${from}\` does not stand once in \`${statement.trim()}\``)
  return statement.replace(from, () => to)
}

/**
 * The lines of a statement: the first that is no mark, what is indented more, and what closes it. That is enough because
 * the formatter has the last word on indentation.
 *
 * @param {readonly string[]} lines @param {number} start
 */
function statementAt(lines, start) {
  let from = start
  while (/^\s*(\/\/|--) /.test(lines[from] ?? '')) from++
  const depth = indentOf(lines[from] ?? '')
  let to = from + 1
  while (to < lines.length && belongs(lines[to] ?? '', depth)) to++
  return { from, to }
}

/** @param {string} line @param {number} depth */
function belongs(line, depth) {
  if (line.trim() === '') return false
  if (indentOf(line) > depth) return true
  return indentOf(line) === depth && /^\s*([})\]]|else\b|end\b)/.test(line)
}

/** @param {string} line */
function indentOf(line) {
  return line.length - line.trimStart().length
}

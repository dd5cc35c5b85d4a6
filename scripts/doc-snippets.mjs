import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { capture, CommandFailed, root, tool } from './command.mjs'

/**
 * Keeps the documentation true. Every fence marked `ts` in a page is a module of its own: it is compiled against the
 * built package and run in an empty folder; `ts no-run` is only compiled. A line `console.log(x) // => text` has to
 * print that text, each time it runs and at least once; a run of white space counts as one space.
 *
 * A snippet is compiled under the name of its page and padded to its line, so an error points into the page.
 *
 * @typedef {{ page: string, line: number, code: string, runs: boolean }} Snippet `line` is where the code begins
 */

const workshop = join(root, '.cache/doc-snippets')

const compilerSettings = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noEmit: false,
    allowImportingTsExtensions: false,
    rootDir: 'src',
    outDir: 'dist',
    sourceMap: true,
  },
  include: ['src'],
}

/** @returns {Promise<number>} how many snippets were checked */
export async function checkDocSnippets() {
  const snippets = pages().flatMap((page) => extractSnippets(page, readFileSync(join(root, page), 'utf8')))
  await checkSnippets(snippets, workshop)
  return snippets.length
}

/** @param {readonly Snippet[]} snippets @param {string} folder inside the repository, emptied first */
export async function checkSnippets(snippets, folder) {
  rmSync(folder, { recursive: true, force: true })
  if (snippets.length === 0) return
  write(join(folder, 'package.json'), '{ "type": "module" }\n')
  write(join(folder, 'tsconfig.json'), JSON.stringify(compilerSettings))
  for (const snippet of snippets) write(join(folder, 'src', `${moduleOf(snippet)}.ts`), instrument(snippet))
  await tool('typescript/bin/tsc', ['-p', folder], { cwd: folder })
  for (const snippet of snippets) if (snippet.runs) await runSnippet(snippet, folder)
}

function pages() {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((path) => join('docs', path))
  const all = ['README.md', 'packages/tierwise/README.md', ...docs]
  return all.filter((path) => path.endsWith('.md') && existsSync(join(root, path)))
}

/** @param {string} page @param {string} text @returns {Snippet[]} */
export function extractSnippets(page, text) {
  /** @type {Snippet[]} */
  const snippets = []
  /** @type {{ close: RegExp, indent: string, snippet: Snippet | undefined } | undefined} */
  let fence
  for (const [index, line] of text.split('\n').entries()) {
    if (fence?.close.test(line)) fence = undefined
    else if (fence?.snippet) fence.snippet.code += `${line.replace(fence.indent, '')}\n`
    else if (!fence && (fence = openFence(page, index + 1, line))?.snippet) snippets.push(fence.snippet)
  }
  return snippets
}

/** @param {string} page @param {number} at @param {string} line */
function openFence(page, at, line) {
  const [, indent = '', ticks, info = ''] = /^(\s*)(`{3,})([^`]*)$/.exec(line) ?? []
  if (ticks === undefined) return undefined
  const [language, ...words] = info.trim().split(/\s+/)
  const unknown = words.find((word) => word !== 'no-run')
  if (language === 'ts' && unknown !== undefined) throw new Error(`${page}:${at} has the unknown mark "${unknown}"`)
  const snippet = language === 'ts' ? { page, line: at + 1, code: '', runs: words.length === 0 } : undefined
  return { close: new RegExp(`^\\s*${ticks}\\s*$`), indent, snippet }
}

/** @param {Snippet} snippet */
function moduleOf({ page, line }) {
  return `${page}-${line}`
}

/** @typedef {{ line: number, text: string }} Expectation */

const expectation = /^\s*console\.log\(.*\) \/\/ => (.*)$/

/** @param {Snippet} snippet @returns {Expectation[]} */
function expectationsOf({ page, line, code }) {
  return code.split('\n').flatMap((source, index) => {
    if (!source.includes('// =>')) return []
    const text = expectation.exec(source)?.[1]
    if (text !== undefined) return [{ line: line + index, text: squeeze(text) }]
    throw new Error(`${page}:${line + index} states a result, which only a one-line console.log(...) can show`)
  })
}

/** Wraps what an expected line prints into two private characters, so it is found among everything else printed. */
function instrument(/** @type {Snippet} */ snippet) {
  const expected = new Set(expectationsOf(snippet).map(({ line }) => line))
  const lines = snippet.code.split('\n').map((source, index) => {
    const line = snippet.line + index
    if (!expected.has(line)) return source
    return source
      .replace('console.log(', `console.log('\\uE000${line}', `)
      .replace(/\)( \/\/ => .*)$/, `, '\\uE001')$1`)
  })
  return '\n'.repeat(snippet.line - 1) + lines.join('\n')
}

/** @param {Snippet} snippet @param {string} folder */
async function runSnippet(snippet, folder) {
  const cwd = mkdtempSync(join(tmpdir(), 'tierwise-snippet-'))
  const where = `${snippet.page}:${snippet.line}`
  try {
    const file = join(folder, 'dist', `${moduleOf(snippet)}.js`)
    const output = await capture(process.execPath, ['--enable-source-maps', file], { cwd, timeoutMs: 30_000 })
    compare(snippet, output)
  } catch (error) {
    if (error instanceof CommandFailed)
      throw new CommandFailed(`${where}: the snippet failed or did not end`, error.output)
    throw error
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** @param {Snippet} snippet @param {string} output */
function compare(snippet, output) {
  const printed = [...output.matchAll(/\uE000(\d+) ([^\uE001]*) \uE001/g)]
  for (const { line, text } of expectationsOf(snippet)) {
    const results = printed.filter(([, at]) => Number(at) === line).map(([, , result = '']) => squeeze(result))
    if (results.length === 0) throw new Error(`${snippet.page}:${line} never ran`)
    const wrong = results.find((result) => result !== text)
    if (wrong !== undefined) throw new Error(`${snippet.page}:${line} states "${text}" and prints "${wrong}"`)
  }
}

/** @param {string} text */
function squeeze(text) {
  return text.trim().replaceAll(/\s+/g, ' ')
}

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Findings } from './config-issue.ts'
import { mapLeaves } from './tree.ts'
import type { Leaf, Tree } from './tree.ts'

/** Where variables and files come from. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative paths of `${file:path}` begin here. */
  readonly folder: string
}

/** A text and what of it may be shown. */
interface Filled {
  readonly value: string
  readonly shown: string
}

type Part = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'hole'; readonly source: string }

/** Puts variables and files in. What is missing goes to `findings`. */
export function fillVariables(tree: Tree, sources: Sources, findings: Findings): Tree {
  const filled = mapLeaves(tree, (leaf) => {
    if (typeof leaf.value !== 'string' || !leaf.value.includes('${')) return leaf
    try {
      return filledLeaf(leaf, leaf.value, sources)
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      findings.onValue(leaf.at, { problem: error.message })
      return { ...leaf, value: undefined, isOpen: true }
    }
  })
  return withoutEmpty(filled)
}

/** An option that is `${NAME:-}`, of a variable that is not set, is not there: one can be left to the environment. */
function withoutEmpty(tree: Tree): Tree {
  if (tree.kind !== 'branch') return tree.kind === 'leaf' ? tree : { ...tree, items: tree.items.map(withoutEmpty) }
  const isEmpty = (member: Tree): boolean => member.kind === 'leaf' && member.isVariable === true && member.value === ''
  const kept = [...tree.members].filter(([, member]) => !isEmpty(member))
  return { ...tree, members: new Map(kept.map(([name, member]) => [name, withoutEmpty(member)])) }
}

/** Marks texts with variables instead of looking them up. Variables that are written wrongly go to `findings` all the same. */
export function openVariables(tree: Tree, findings: Findings): Tree {
  return mapLeaves(tree, (leaf) => {
    if (typeof leaf.value !== 'string' || !leaf.value.includes('${')) return leaf
    try {
      const parts = split(leaf.value)
      for (const part of parts) if (part.kind === 'hole') holeOf(part.source)
      return parts.some(({ kind }) => kind === 'hole') ? { ...leaf, isOpen: true } : { ...leaf, value: literal(parts) }
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      findings.onValue(leaf.at, { problem: error.message })
      return { ...leaf, isOpen: true }
    }
  })
}

function literal(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : '')).join('')
}

function filledLeaf(leaf: Leaf, text: string, sources: Sources): Leaf {
  const parts = split(text)
  const filled = parts.map((part): Filled =>
    part.kind === 'text' ? { value: part.text, shown: part.text } : fill(part.source, sources),
  )
  const value = filled.map((part) => part.value).join('')
  const shown = filled.map((part) => part.shown).join('')
  const isVariable = parts.length === 1 && parts[0]?.kind === 'hole'
  return { ...leaf, value, ...(shown === value ? {} : { shown }), ...(isVariable ? { isVariable } : {}) }
}

/** What cannot be filled in; the message is the problem of the value. */
class Missing extends Error {}

/** Takes a text apart. `$${` stands for `${`. */
function split(text: string): readonly Part[] {
  const parts: Part[] = []
  let plain = ''
  let at = 0
  while (at < text.length) {
    if (text.startsWith('$${', at)) {
      plain += '${'
      at += 3
    } else if (text.startsWith('${', at)) {
      if (plain !== '') parts.push({ kind: 'text', text: plain })
      plain = ''
      const end = endOfHole(text, at)
      parts.push({ kind: 'hole', source: text.slice(at + 2, end) })
      at = end + 1
    } else plain += text.charAt(at++)
  }
  return plain === '' ? parts : [...parts, { kind: 'text', text: plain }]
}

/** Where the brace closes; the default of a variable may have variables of its own. */
function endOfHole(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text.startsWith('${', at)) depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  throw new Missing('has a `${` without its `}`; write `$${` for one that is meant as it is.')
}

type Hole =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'variable'; readonly name: string; readonly fallback: string | undefined }

function holeOf(source: string): Hole {
  if (source.startsWith('file:')) return { kind: 'file', path: source.slice(5) }
  const [, name, , fallback] = /^([A-Za-z_]\w*)(:-([^]*))?$/.exec(source) ?? []
  if (name === undefined)
    throw new Missing(
      'has something else than `${NAME}`, `${NAME:-default}` or `${file:path}` in its braces; write `$${` for a `${` that is meant as it is.',
    )
  return { kind: 'variable', name, fallback }
}

function fill(source: string, sources: Sources): Filled {
  const hole = holeOf(source)
  if (hole.kind === 'file') return { value: readSecret(hole.path, sources), shown: `\${file:${hole.path}}` }
  const value = sources.env[hole.name]
  if (value !== undefined && value !== '') return { value, shown: `\${${hole.name}}` }
  if (hole.fallback === undefined)
    throw new Missing(`needs the variable ${hole.name}, which is ${value === '' ? 'empty' : 'not set'}.`)
  const parts = split(hole.fallback).map((part): Filled =>
    part.kind === 'text' ? { value: part.text, shown: part.text } : fill(part.source, sources),
  )
  return { value: parts.map((part) => part.value).join(''), shown: parts.map((part) => part.shown).join('') }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'which does not exist',
  EISDIR: 'which is a folder',
  EACCES: 'which this process has no right to read',
}

/** The content of a file without the end of its last line, which editors and `echo` add. */
function readSecret(path: string, { folder }: Sources): string {
  try {
    return readFileSync(resolve(folder, path), 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'no reason given'
    throw new Missing(`needs the file ${path}, ${reasons[code] ?? `which cannot be read (${code})`}.`)
  }
}

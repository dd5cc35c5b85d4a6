import type * as z from 'zod'
import type { Findings } from './config-issue.ts'
import { shownValue } from './masking.ts'
import { configSchema } from './schema/schema.ts'
import { nearest, nearestAmount, nearestBoolean, unknown } from './spelling.ts'
import { follow, joinPath, pathOf, plainOf, withMember } from './tree.ts'
import type { Branch, Leaf, List, Tree } from './tree.ts'
import type { ResolvedConfig } from './tierwise-config.ts'

type Issue = z.core.$ZodIssue

/** What the schema makes of a tree. */
export interface Verdict {
  /** Undefined when something is wrong. */
  readonly config: ResolvedConfig | undefined
  /** With the numbers and booleans that variables stand for. */
  readonly tree: Branch
  /** Top-level sections and, of namespaces, those with something wrong, as paths of names. */
  readonly wrong: readonly (readonly string[])[]
}

/** Holds a tree against the schema; what is wrong goes to `findings`. */
export function validate(tree: Branch, findings: Findings): Verdict {
  const typed = withTypedVariables(tree)
  const result = configSchema.safeParse(plainOf(typed))
  if (result.success) return { config: result.data, tree: typed, wrong: [] }
  const issues = result.error.issues.flatMap((issue) => innermost(issue))
  for (const issue of issues) report(issue, typed, findings)
  return { config: undefined, tree: typed, wrong: issues.flatMap(wrongPaths) }
}

/** A variable alone becomes a number or a boolean where the schema refuses the text and takes that. */
function withTypedVariables(tree: Branch): Branch {
  const result = configSchema.safeParse(plainOf(tree))
  if (result.success) return tree
  let typed: Tree = tree
  for (const { path } of result.error.issues.flatMap((issue) => innermost(issue))) {
    const { node, rest } = follow(typed, path)
    if (rest.length > 0 || node.kind !== 'leaf' || node.isVariable !== true) continue
    const value = scalarOf(node.value)
    if (value !== undefined) typed = replaceAt(typed, path, { ...node, value })
  }
  return typed as Branch
}

function scalarOf(value: unknown): number | boolean | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (/^true$/i.test(text)) return true
  if (/^false$/i.test(text)) return false
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}

function replaceAt(tree: Tree, [name, ...rest]: readonly PropertyKey[], leaf: Leaf): Tree {
  if (name === undefined || tree.kind === 'leaf') return leaf
  if (tree.kind === 'list') {
    const items = tree.items.map((item, index) => (index === name ? replaceAt(item, rest, leaf) : item))
    return { ...tree, items } satisfies List
  }
  const member = tree.members.get(String(name))
  return member === undefined ? tree : withMember(tree, String(name), replaceAt(member, rest, leaf))
}

/** Of a choice between a scalar and an object, what is wrong inside of the object, if the value is one. */
function innermost(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const deeper = issue.errors.filter((branch) =>
    branch.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  )
  const [branch] = deeper
  if (branch === undefined || deeper.length > 1) return [issue]
  return branch.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }))
}

/** An unknown name is wrong itself, and not what it stands in. */
function wrongPaths(issue: Issue): readonly (readonly string[])[] {
  const path = issue.path.map(String)
  return issue.code === 'unrecognized_keys' ? issue.keys.map((name) => [...path, name]) : [path]
}

function report(issue: Issue, tree: Branch, findings: Findings): void {
  const { node, rest } = follow(tree, issue.path)
  if (isOpen(node)) return
  if (issue.code === 'unrecognized_keys') reportNames(issue.keys, { node, known: issue.message.split(', ') }, findings)
  else if (rest.length > 0) {
    const path = joinPath(rest, node.at.path)
    const position = node.at.key ?? node.at.value
    findings.add({ path, position }, { problem: `is missing; it must be ${issue.message}.`, allowed: issue.message })
  } else reportValue(node, namesIn(issue.path), { allowed: issue.message, findings })
}

function isOpen(node: Tree): boolean {
  return node.kind === 'leaf' && node.isOpen === true
}

function namesIn(path: readonly PropertyKey[]): readonly string[] {
  return path.filter((part) => typeof part === 'string')
}

function reportNames(
  names: readonly string[],
  { node, known }: { readonly node: Tree; readonly known: readonly string[] },
  findings: Findings,
): void {
  for (const name of names) {
    const member = node.kind === 'branch' ? node.members.get(name) : undefined
    findings.onKey(member?.at ?? { path: pathOf(node.at.path, name) }, {
      problem: `is not an option. ${unknown(name, known)}`,
      allowed: known.join(', '),
    })
  }
}

interface Expectation {
  readonly allowed: string
  readonly findings: Findings
}

function reportValue(node: Tree, names: readonly string[], { allowed, findings }: Expectation): void {
  const value = showNode(node, names)
  const meant = node.kind === 'leaf' && node.shown === undefined ? suggestion(node.value, allowed) : ''
  // Of a secret not even its length is told.
  const is = value === "'***'" || value === '***' ? 'must' : `is ${value}; it must`
  findings.onValue(node.at, { problem: `${is} be ${allowed}.${meant}`, allowed, value })
}

function suggestion(value: unknown, allowed: string): string {
  if (typeof value !== 'string') return ''
  const choices = allowed.startsWith('one of ')
    ? [...allowed.matchAll(/'([^']*)'/g)].map(([, choice = '']) => choice)
    : []
  if (allowed.startsWith('true')) return nearestBoolean(value)
  const meant = nearest(value, choices) ?? nearestAmount(value, allowed)
  return meant === undefined ? '' : ` Did you mean '${meant}'?`
}

/** A value as a message may show it. */
function showNode(node: Tree, names: readonly string[]): string {
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list'
  if (node.kind === 'branch') return 'an object'
  const shown = shownValue(node, names)
  if (node.shown !== undefined) return `what ${String(shown)} holds`
  if (typeof shown !== 'string') return String(shown)
  if (shown === '(from code)') return `a value of type ${typeof node.value}`
  return shown.length <= 60 ? `'${shown}'` : 'a long text'
}

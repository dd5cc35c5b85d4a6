import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml'
import type { Alias, Document, Node, Pair, YAMLMap } from 'yaml'
import type { Findings } from '../config-issue.ts'
import { pathOf } from '../tree.ts'
import type { Origin, Position, Tree } from '../tree.ts'

/** How often the nodes behind aliases may be repeated: enough for people, too little for a file that is made to explode. */
const mostAliases = 100

/** Reads YAML, or JSON, which is a part of it, into a tree of nodes with their places. What is wrong goes to `findings`. */
export function parseText(text: string, findings: Findings): Tree | undefined {
  const lines = new LineCounter()
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: false })
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  for (const { code, message, pos } of [...document.errors, ...document.warnings])
    findings.add({ path: '', position: positionAt(pos[0]) }, { problem: syntaxProblem(code, message) })
  if (!findings.isEmpty) return undefined
  if (document.contents === null) {
    findings.add({ path: '' }, { problem: 'is empty; a configuration names at least one tier, or a `preset`.' })
    return undefined
  }
  refuseLooseAliases(document, findings, positionAt)
  if (!findings.isEmpty || isExplosive(document, findings)) return undefined
  const tree = new TreeBuilder({ document, findings, positionAt }).build(document.contents)
  return findings.isEmpty ? tree : undefined
}

const syntaxProblems: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'is indented with a tab; YAML is indented with blanks.',
  MULTIPLE_DOCS: 'begins a second document; a configuration is one.',
}

function syntaxProblem(code: string, message: string): string {
  const known = syntaxProblems[code]
  if (known !== undefined) return known
  const tag = /^Unresolved tag: (.*)$/.exec(message)?.[1]
  if (tag !== undefined) return `has the tag ${tag}, which means nothing here; leave it out.`
  return `cannot be read: ${message.charAt(0).toLowerCase()}${message.slice(1)}.`
}

function refuseLooseAliases(document: Document, findings: Findings, positionAt: Parts['positionAt']): void {
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return
      const position = positionAt(alias.range?.[0] ?? 0)
      findings.add(
        { path: '', position },
        { problem: `refers to \`${alias.source}\`, which no anchor before it names.` },
      )
    },
  })
}

function isExplosive(document: Document, findings: Findings): boolean {
  try {
    document.toJS({ maxAliasCount: mostAliases, mapAsMap: true })
    return false
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const problem = message.startsWith('Excessive alias')
      ? `repeats too much through aliases; at most ${mostAliases} repetitions are read.`
      : syntaxProblem('', message)
    findings.add({ path: '' }, { problem })
    return true
  }
}

interface Parts {
  readonly document: Document
  readonly findings: Findings
  readonly positionAt: (offset: number) => Position
}

class TreeBuilder {
  readonly #parts: Parts
  /** Targets of aliases that are being built, so that one that contains itself comes to an end. */
  readonly #open = new Set<unknown>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  build(node: unknown, at: Origin = { path: '' }): Tree {
    const value = this.#place(node) ?? at.value
    const origin = { ...at, value }
    if (isAlias(node)) return this.#follow(node, origin)
    if (isSeq(node))
      return {
        kind: 'list',
        at: origin,
        items: node.items.map((item, index) => this.build(item, { path: pathOf(at.path, index) })),
      }
    if (isMap(node)) return { kind: 'branch', at: origin, members: this.#members(node, at.path) }
    return { kind: 'leaf', at: origin, value: isScalar(node) ? node.value : null }
  }

  #follow(alias: Alias, at: Origin): Tree {
    const target = alias.resolve(this.#parts.document)
    if (target === undefined || this.#open.has(target)) {
      this.#parts.findings.onValue(at, {
        problem: `refers to \`${alias.source}\`, of which it is a part.`,
      })
      return { kind: 'leaf', at, value: null }
    }
    this.#open.add(target)
    const tree = this.build(target, at)
    this.#open.delete(target)
    return tree
  }

  /** What is merged in by `<<` comes first, and whatever the map itself says wins. */
  #members(map: YAMLMap, path: string): ReadonlyMap<string, Tree> {
    const members = new Map<string, Tree>()
    const own = new Set<string>()
    for (const pair of map.items.filter(isPair)) {
      const name = isMerge(pair) ? '<<' : this.#nameOf(pair, path)
      if (name === undefined) continue
      if (isMerge(pair)) this.#mergeInto(members, pair.value, path)
      else if (own.has(name)) this.#refuse(pair, path, `is given twice.`)
      else own.add(name)
    }
    for (const pair of map.items.filter(isPair)) {
      const name = isMerge(pair) ? undefined : this.#nameOf(pair, path)
      if (name === undefined) continue
      const key = this.#place(pair.key)
      members.set(name, this.build(pair.value, { path: pathOf(path, name), key, value: key }))
    }
    return members
  }

  #mergeInto(members: Map<string, Tree>, value: unknown, path: string): void {
    const source = isAlias(value) ? value.resolve(this.#parts.document) : value
    const maps = isSeq(source) ? source.items : [source]
    for (const item of maps) {
      const map = isAlias(item) ? item.resolve(this.#parts.document) : item
      if (!isMap(map)) continue
      for (const [name, member] of this.#members(map, path)) if (!members.has(name)) members.set(name, member)
    }
  }

  #nameOf(pair: Pair, path: string): string | undefined {
    if (!isScalar(pair.key)) return this.#refuse(pair, path, 'has a name that is not a text.')
    const name = String(pair.key.value)
    if (name === '__proto__') return this.#refuse(pair, path, 'cannot be a name.')
    return name
  }

  #refuse(pair: Pair, path: string, problem: string): undefined {
    const name = isScalar(pair.key) ? String(pair.key.value) : ''
    this.#parts.findings.add(
      { path: name === '' ? path : pathOf(path, name), position: this.#place(pair.key) },
      { problem },
    )
  }

  #place(node: unknown): Position | undefined {
    const offset = (node as Node | null)?.range?.[0]
    return offset === undefined ? undefined : this.#parts.positionAt(offset)
  }
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && typeof key.value === 'symbol'
}

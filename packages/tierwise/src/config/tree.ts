/**
 * A configuration as a tree whose nodes know where they were written. Profiles, presets and the environment are laid over
 * each other as trees, so an error in what results still points at the line of the part that is wrong.
 */

/** A place in a file, counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Where a node was written. */
export interface Origin {
  /** In the file, like `profiles.production.tiers.redis.port`; the name of a variable for what comes from there. */
  readonly path: string
  readonly value?: Position | undefined
  /** Of the name before the value. */
  readonly key?: Position | undefined
}

export interface Branch {
  readonly kind: 'branch'
  readonly at: Origin
  readonly members: ReadonlyMap<string, Tree>
}

export interface List {
  readonly kind: 'list'
  readonly at: Origin
  readonly items: readonly Tree[]
}

export interface Leaf {
  readonly kind: 'leaf'
  readonly at: Origin
  /** A scalar, or what only code can hold. */
  readonly value: unknown
  /** What is shown instead of the value, because that came from a variable or a file. */
  readonly shown?: string
  /** The whole text was one variable, which may stand for a number or a boolean. */
  readonly isVariable?: boolean
  /** A variable that was not looked up: anything may come of it. */
  readonly isOpen?: boolean
}

export type Tree = Branch | List | Leaf

const plainName = /^[\w$-]+$/

/** The path of a member or an item. */
export function pathOf(parent: string, name: string | number): string {
  if (typeof name === 'number') return `${parent}[${name}]`
  if (!plainName.test(name)) return `${parent}[${JSON.stringify(name)}]`
  return parent === '' ? name : `${parent}.${name}`
}

export function joinPath(names: readonly PropertyKey[], from = ''): string {
  return names.reduce<string>((path, name) => pathOf(path, typeof name === 'number' ? name : String(name)), from)
}

/** A tree of values that have one common place. */
export function treeOf(value: unknown, at: Origin): Tree {
  if (Array.isArray(value))
    return {
      kind: 'list',
      at,
      items: value.map((item, index) => treeOf(item, { ...at, path: pathOf(at.path, index) })),
    }
  if (!isPlainObject(value)) return { kind: 'leaf', at, value }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => [name, treeOf(member, { ...at, path: pathOf(at.path, name) })] as const)
  return { kind: 'branch', at, members: new Map(members) }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/** The values without their places. */
export function plainOf(tree: Tree): unknown {
  return mapPlain(tree, (leaf) => leaf.value)
}

/** As `plainOf`, with something else for each leaf, of which `names` are those on the way to it. */
export function mapPlain(
  tree: Tree,
  show: (leaf: Leaf, names: readonly string[]) => unknown,
  names: readonly string[] = [],
): unknown {
  if (tree.kind === 'leaf') return show(tree, names)
  if (tree.kind === 'list') return tree.items.map((item) => mapPlain(item, show, names))
  return Object.fromEntries([...tree.members].map(([key, member]) => [key, mapPlain(member, show, [...names, key])]))
}

/** Changes leaves and keeps the rest. */
export function mapLeaves(tree: Tree, change: (leaf: Leaf) => Leaf): Tree {
  if (tree.kind === 'leaf') return change(tree)
  if (tree.kind === 'list') return { ...tree, items: tree.items.map((item) => mapLeaves(item, change)) }
  return { ...tree, members: new Map([...tree.members].map(([name, member]) => [name, mapLeaves(member, change)])) }
}

/** Whether something of it is a variable that was not looked up. */
export function hasOpen(tree: Tree): boolean {
  if (tree.kind === 'leaf') return tree.isOpen === true
  const parts = tree.kind === 'list' ? tree.items : [...tree.members.values()]
  return parts.some((part) => hasOpen(part))
}

export function memberOf(tree: Tree | undefined, ...names: readonly string[]): Tree | undefined {
  let found = tree
  for (const name of names) found = found?.kind === 'branch' ? found.members.get(name) : undefined
  return found
}

/** The members of a branch, or nothing. */
export function membersOf(tree: Tree | undefined): readonly (readonly [string, Tree])[] {
  return tree?.kind === 'branch' ? [...tree.members] : []
}

/** The items of a list, or nothing. */
export function itemsOf(tree: Tree | undefined): readonly Tree[] {
  return tree?.kind === 'list' ? tree.items : []
}

/** The value of a leaf that is a text. */
export function textOf(tree: Tree | undefined): string | undefined {
  return tree?.kind === 'leaf' && typeof tree.value === 'string' ? tree.value : undefined
}

/** The branch with a member put in its place, or taken away. */
export function withMember(branch: Branch, name: string, member: Tree | undefined): Branch {
  const members = new Map(branch.members)
  if (member === undefined) members.delete(name)
  else members.set(name, member)
  return { ...branch, members }
}

export interface Found {
  readonly node: Tree
  /** What is left of the path below the node. */
  readonly rest: readonly PropertyKey[]
}

/** The deepest node on a path. */
export function follow(tree: Tree, path: readonly PropertyKey[]): Found {
  let node = tree
  for (const [depth, name] of path.entries()) {
    const next = node.kind === 'branch' ? node.members.get(String(name)) : itemsOf(node)[Number(name)]
    if (next === undefined) return { node, rest: path.slice(depth) }
    node = next
  }
  return { node, rest: [] }
}

import type { Findings } from './config-issue.ts'
import { tierTypes } from './schema/tiers.ts'
import { nearest } from './spelling.ts'
import { memberOf, membersOf, pathOf, withMember } from './tree.ts'
import type { Branch, Leaf, Origin, Tree } from './tree.ts'

/** Takes out what is `false`, gives what is empty no options, types to tiers that are named for theirs, and a chain. */
export function arrange(tree: Branch, findings: Findings): Branch {
  let arranged = tree
  for (const name of ['tiers', 'namespaces'])
    arranged = changeMembers(arranged, name, (member) => (isFalse(member) ? undefined : orEmpty(member)))
  arranged = changeMembers(arranged, 'tiers', (tier, name) => withType(tier, name, findings))
  const governance = memberOf(arranged, 'governance')
  if (governance?.kind === 'branch')
    arranged = withMember(arranged, 'governance', changeMembers(governance, 'dataClasses', orEmpty))
  return withChain(arranged)
}

/** Changes the members of a section, or takes them out. */
export function changeMembers(
  tree: Branch,
  section: string,
  change: (member: Tree, name: string) => Tree | undefined,
): Branch {
  const found = memberOf(tree, section)
  if (found?.kind !== 'branch') return tree
  const members = [...found.members].flatMap(([name, member]) => {
    const changed = change(member, name)
    return changed === undefined ? [] : [[name, changed] as const]
  })
  return withMember(tree, section, { ...found, members: new Map(members) })
}

function isFalse(tree: Tree): boolean {
  return tree.kind === 'leaf' && tree.value === false
}

/** Nothing behind a name, as YAML allows it, is an entry without options. */
function orEmpty(tree: Tree): Tree {
  return tree.kind === 'leaf' && tree.value === null ? { kind: 'branch', at: tree.at, members: new Map() } : tree
}

function withType(tier: Tree, name: string, findings: Findings): Tree {
  if (tier.kind !== 'branch' || tier.members.has('type')) return tier
  if ((tierTypes as readonly string[]).includes(name))
    return { ...tier, members: new Map([['type', leafAt(name, tier.at)], ...tier.members]) }
  const types = tierTypes.map((type) => `'${type}'`).join(', ')
  const near = nearest(name, tierTypes)
  findings.onKey(
    { ...tier.at, path: pathOf(tier.at.path, 'type') },
    {
      problem: `is missing; it must be one of ${types}, unless one of these is the name of the tier.${near === undefined ? '' : ` Did you mean the tier \`${near}\`?`}`,
      allowed: `one of ${types}`,
    },
  )
  return { ...tier, members: new Map([['type', { ...leafAt(undefined, tier.at), isOpen: true }], ...tier.members]) }
}

function withChain(tree: Branch): Branch {
  const tiers = memberOf(tree, 'tiers')
  const at = { ...tree.at, path: 'tiers' }
  const named = tiers === undefined ? withMember(tree, 'tiers', { kind: 'branch', at, members: new Map() }) : tree
  if (memberOf(named, 'chain') !== undefined) return named
  return setChain(
    named,
    membersOf(tiers).map(([name]) => name),
  )
}

/** The tree with these names as its chain. */
export function setChain(tree: Branch, names: readonly string[]): Branch {
  const at: Origin = { ...memberOf(tree, 'tiers')?.at, path: 'chain' }
  return withMember(tree, 'chain', { kind: 'list', at, items: names.map((name) => leafAt(name, at)) })
}

function leafAt(value: unknown, at: Origin): Leaf {
  return { kind: 'leaf', at, value }
}

import { changeMembers } from './arrange.ts'
import { itemsOf, memberOf, textOf, treeOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

/**
 * What is left of a tree without its wrong parts, so that these do not hide mistakes elsewhere. Undefined when too little
 * is left to judge.
 */
export function withoutWrong(tree: Branch, wrong: readonly (readonly string[])[]): Branch | undefined {
  const tables = ['namespaces', 'tiers']
  const isEntry = ([section = '', name]: readonly string[]): boolean => tables.includes(section) && name !== undefined
  const sections = new Set(wrong.filter((path) => !isEntry(path)).map(([name]) => name ?? ''))
  if (['', 'tiers', 'chain'].some((name) => sections.has(name))) return undefined
  const namespaces = new Set(wrong.filter((path) => path[0] === 'namespaces').map((path) => path[1]))
  const tiers = new Set(wrong.filter((path) => path[0] === 'tiers').map((path) => path[1]))
  const pruned = changeMembers(
    [...sections].reduce((left, name) => withMember(left, name, undefined), tree),
    'tiers',
    (tier, name) => (tiers.has(name) ? standIn(tier) : tier),
  )
  const classes = memberOf(pruned, 'governance', 'dataClasses')
  const isClass = (node: Tree | undefined): boolean =>
    node === undefined || memberOf(classes, textOf(node) ?? '') !== undefined
  return changeMembers(pruned, 'namespaces', (namespace, name) => {
    const named = [namespace, ...itemsOf(memberOf(namespace, 'keyRules'))].map((rules) => memberOf(rules, 'dataClass'))
    return !namespaces.has(name) && named.every(isClass) ? namespace : undefined
  })
}

/** A tier of which nothing is known but that it is there. */
function standIn(tier: Tree): Tree {
  const type = textOf(memberOf(tier, 'type')) === 'memory' ? 'memory' : 'redis'
  return treeOf({ type }, tier.at)
}

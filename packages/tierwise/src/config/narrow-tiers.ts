import type { Findings } from './config-issue.ts'
import { changeMembers } from './arrange.ts'
import { chainOf } from './environment.ts'
import { itemsOf, memberOf, textOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

/** Where to say what. */
interface Reports {
  readonly findings: Findings
  readonly notices: Findings
}

/**
 * Leaves out of every list of tiers those that the chain does not have, because a profile, `chain` or CACHE_BACKEND took
 * them out. That is a notice; a list of which nothing is left is a mistake.
 */
export function narrowTiers(tree: Branch, reports: Reports): Branch {
  const chain = chainOf(tree)
  const narrow = (node: Tree): Tree => narrowRules(node, chain, reports)
  const withRules = (node: Tree): Tree => {
    const narrowed = narrow(node)
    const keyRules = memberOf(narrowed, 'keyRules')
    if (narrowed.kind !== 'branch' || keyRules?.kind !== 'list') return narrowed
    return withMember(narrowed, 'keyRules', { ...keyRules, items: keyRules.items.map(narrow) })
  }
  let narrowed = changeMembers(tree, 'namespaces', withRules)
  const governance = memberOf(narrowed, 'governance')
  if (governance?.kind === 'branch')
    narrowed = withMember(narrowed, 'governance', changeMembers(governance, 'dataClasses', narrow))
  narrowed = changeMembers(narrowed, 'guards', (guard, name) => (chain.includes(name) ? guard : undefined))
  const named = memberOf(narrowed, 'chain')
  if (named?.kind !== 'list') return narrowed
  const items = named.items.filter((item) => chain.includes(textOf(item) ?? ''))
  return withMember(narrowed, 'chain', { ...named, items })
}

function narrowRules(rules: Tree, chain: readonly string[], { findings, notices }: Reports): Tree {
  const tiers = memberOf(rules, 'tiers')
  if (rules.kind !== 'branch' || tiers?.kind !== 'list') return rules
  const left = itemsOf(tiers).filter((item) => chain.includes(textOf(item) ?? ''))
  if (left.length === tiers.items.length) return rules
  const out = tiers.items.filter((item) => !left.includes(item)).map((item) => textOf(item))
  const where = `not in the chain (${chain.join(', ')})`
  if (left.length === 0) findings.onKey(tiers.at, { problem: `has only tiers that are ${where}: ${out.join(', ')}.` })
  else notices.onKey(tiers.at, { problem: `goes without ${out.join(', ')}, which is ${where}.` })
  return withMember(rules, 'tiers', { ...tiers, items: left })
}

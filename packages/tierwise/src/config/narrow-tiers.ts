import type { Findings } from './config-issue.ts'
import { changeMembers } from './arrange.ts'
import { chainOf } from './environment.ts'
import { memberOf, membersOf, textOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

/** Where to say what. */
interface Reports {
  readonly findings: Findings
  readonly notices: Findings
  /** Tiers that are named anywhere in the file; others are mistakes that were found before. */
  readonly declared: ReadonlySet<string>
}

/**
 * Leaves out of every list of tiers those that the chain does not have, because a profile, `chain` or CACHE_BACKEND took
 * them out. That is a notice; a list of which nothing is left is a mistake. Guards, warming and thresholds of such tiers go.
 */
export function narrowTiers(tree: Branch, reports: Reports): Branch {
  const chain = chainOf(tree)
  const narrow = (node: Tree): Tree => narrowStays(narrowRules(node, chain, reports), chain, reports)
  const withRules = (node: Tree): Tree => {
    const narrowed = narrow(node)
    const keyRules = memberOf(narrowed, 'keyRules')
    if (narrowed.kind !== 'branch' || keyRules?.kind !== 'list') return narrowed
    return withMember(narrowed, 'keyRules', { ...keyRules, items: keyRules.items.map(narrow) })
  }
  let narrowed = changeMembers(tree, 'namespaces', withRules)
  const defaults = memberOf(narrowed, 'defaults')
  if (defaults !== undefined) narrowed = withMember(narrowed, 'defaults', narrowStays(defaults, chain, reports))
  const governance = memberOf(narrowed, 'governance')
  if (governance?.kind === 'branch')
    narrowed = withMember(narrowed, 'governance', changeMembers(governance, 'dataClasses', narrow))
  if (chain.length > 0)
    for (const section of ['guards', 'tiers'])
      narrowed = changeMembers(narrowed, section, (member, name) => (chain.includes(name) ? member : undefined))
  if (membersOf(memberOf(narrowed, 'guards')).length === 0) narrowed = withMember(narrowed, 'guards', undefined)
  narrowed = changeItems(narrowed, ['warming', 'patterns'], chain)
  narrowed = changeItems(narrowed, ['monitoring', 'thresholds'], chain)
  const named = memberOf(narrowed, 'chain')
  if (named?.kind !== 'list') return narrowed
  const items = named.items.filter((item) => chain.includes(textOf(item) ?? ''))
  return withMember(narrowed, 'chain', { ...named, items })
}

/** Leaves out what is about a tier that is not there: nothing can be warmed or watched. */
function changeItems(tree: Branch, [section, name]: readonly [string, string], chain: readonly string[]): Branch {
  const found = memberOf(tree, section)
  const list = memberOf(found, name)
  if (found?.kind !== 'branch' || list?.kind !== 'list') return tree
  const items = list.items.filter((item) => {
    const tier = textOf(memberOf(item, 'tier'))
    return tier === undefined || chain.includes(tier)
  })
  return withMember(tree, section, withMember(found, name, { ...list, items }))
}

/** How long an entry stays in a tier that is not there says nothing. */
function narrowStays(options: Tree, chain: readonly string[], { declared }: Reports): Tree {
  if (options.kind !== 'branch' || memberOf(options, 'tierTtl') === undefined) return options
  return changeMembers(options, 'tierTtl', (stay, name) =>
    chain.includes(name) || !declared.has(name) ? stay : undefined,
  )
}

function narrowRules(rules: Tree, chain: readonly string[], { findings, notices, declared }: Reports): Tree {
  const tiers = memberOf(rules, 'tiers')
  if (rules.kind !== 'branch' || tiers?.kind !== 'list') return rules
  const left = tiers.items.filter((item) => chain.includes(textOf(item) ?? ''))
  const out = tiers.items
    .flatMap((item) => textOf(item) ?? [])
    .filter((name) => declared.has(name) && !chain.includes(name))
  const where = `not in the chain (${chain.join(', ')})`
  if (out.length > 0 && left.length === 0)
    findings.onKey(tiers.at, { problem: `has only tiers that are ${where}: ${out.join(', ')}.` })
  else if (out.length > 0) notices.onKey(tiers.at, { problem: `goes without ${out.join(', ')}: ${where}.` })
  return withMember(rules, 'tiers', left.length === 0 ? undefined : { ...tiers, items: left })
}

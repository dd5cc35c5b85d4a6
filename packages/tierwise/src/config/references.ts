import type { Findings } from './config-issue.ts'
import { chainOf } from './environment.ts'
import { unknown } from './spelling.ts'
import { itemsOf, memberOf, membersOf, pathOf, textOf } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

/** What a configuration may refer to. */
export interface Known {
  /** Tiers that are named anywhere in the file, in other profiles too: a reference to one that is not in the chain is no mistake. */
  readonly declaredTiers: ReadonlySet<string>
}

/** Looks at every name that refers to something; what does not exist goes to `findings`. */
export function checkReferences(tree: Branch, { declaredTiers }: Known, findings: Findings): void {
  const tierKnown = [...declaredTiers]
  const checkTier = (node: Tree | undefined): void => {
    const name = textOf(node)
    if (node !== undefined && name !== undefined && !isOpen(node) && !declaredTiers.has(name))
      findings.onValue(node.at, {
        problem: `names the tier \`${name}\`, which does not exist. ${unknown(name, tierKnown)}`,
      })
  }
  checkChain(tree, checkTier, findings)
  for (const rules of ruleSets(tree)) for (const name of itemsOf(memberOf(rules, 'tiers'))) checkTier(name)
  for (const [name, guard] of membersOf(memberOf(tree, 'guards')))
    if (!declaredTiers.has(name))
      findings.onKey(guard.at, { problem: `guards a tier that does not exist. ${unknown(name, tierKnown)}` })
  for (const pattern of itemsOf(memberOf(tree, 'warming', 'patterns'))) checkTier(memberOf(pattern, 'tier'))
  for (const threshold of itemsOf(memberOf(tree, 'monitoring', 'thresholds')))
    checkThreshold(threshold, checkTier, findings)
  checkDataClasses(tree, findings)
  checkNames(tree, findings)
  checkInvalidation(tree, findings)
  checkKeys(tree, findings)
}

function isOpen(node: Tree): boolean {
  return node.kind === 'leaf' && node.isOpen === true
}

function checkChain(tree: Branch, checkTier: (node: Tree) => void, findings: Findings): void {
  const seen = new Set<string>()
  for (const item of itemsOf(memberOf(tree, 'chain'))) {
    const name = textOf(item)
    if (name === undefined) continue
    if (seen.has(name)) findings.onValue(item.at, { problem: `names the tier \`${name}\` a second time.` })
    seen.add(name)
    checkTier(item)
  }
  if (chainOf(tree).length === 0) checkEmpty(tree, findings)
  const [, ...behind] = new Set(chainOf(tree))
  for (const name of behind) {
    const tier = memberOf(tree, 'tiers', name)
    if (tier !== undefined && textOf(memberOf(tier, 'type')) === 'memory')
      findings.onKey(tier.at, { problem: 'keeps values in this process; only the first tier of the chain can.' })
  }
}

function checkEmpty(tree: Branch, findings: Findings): void {
  const chain = memberOf(tree, 'chain')
  const tiers = memberOf(tree, 'tiers')
  if (tiers?.kind !== 'branch') return
  if (tiers.members.size === 0 && memberOf(tree, 'preset') === undefined)
    findings.add({ path: 'tiers' }, { problem: 'has no tier; name at least one, or a `preset`.' })
  else if (chain?.kind === 'list' && chain.items.length === 0 && tiers.members.size > 0)
    findings.onValue(chain.at, { problem: 'has no tier; name at least one.' })
}

/** Everything that has rules: data classes, namespaces and their key rules. */
function ruleSets(tree: Branch): readonly Tree[] {
  const namespaces = membersOf(memberOf(tree, 'namespaces')).map(([, namespace]) => namespace)
  const classes = membersOf(memberOf(tree, 'governance', 'dataClasses')).map(([, dataClass]) => dataClass)
  return [...classes, ...namespaces.flatMap((namespace) => [namespace, ...itemsOf(memberOf(namespace, 'keyRules'))])]
}

function checkThreshold(threshold: Tree, checkTier: (node: Tree | undefined) => void, findings: Findings): void {
  checkTier(memberOf(threshold, 'tier'))
  const limits = ['below', 'above'].filter((name) => memberOf(threshold, name) !== undefined)
  if (threshold.kind === 'branch' && limits.length !== 1)
    findings.onValue(threshold.at, {
      problem: `has ${limits.length === 0 ? 'neither' : 'both'} \`below\` ${limits.length === 0 ? 'nor' : 'and'} \`above\`; it needs one of them.`,
    })
}

function checkDataClasses(tree: Branch, findings: Findings): void {
  const known = membersOf(memberOf(tree, 'governance', 'dataClasses')).map(([name]) => name)
  for (const rules of ruleSets(tree)) {
    const named = memberOf(rules, 'dataClass')
    const name = textOf(named)
    if (named !== undefined && name !== undefined && !isOpen(named) && !known.includes(name))
      findings.onValue(named.at, {
        problem: `is '${name}', and \`governance.dataClasses\` has no such class. ${unknown(name, known)}`,
      })
  }
}

const namespaceName = /^[\w.-]{1,128}$/

function checkNames(tree: Branch, findings: Findings): void {
  const namespaces = membersOf(memberOf(tree, 'namespaces'))
  const owners = new Map(namespaces.map(([name]) => [name, name]))
  for (const [name, namespace] of namespaces) {
    if (!namespaceName.test(name))
      findings.onKey(namespace.at, {
        problem: 'is no name of a namespace: letters, digits, `_`, `-` and `.`, at most 128.',
      })
    for (const alias of itemsOf(memberOf(namespace, 'aliases'))) {
      const text = textOf(alias)
      if (text === undefined) continue
      const owner = owners.get(text)
      if (owner !== undefined)
        findings.onValue(alias.at, {
          problem: `is '${text}', which is a name of \`${pathOf('namespaces', owner)}\` already.`,
        })
      owners.set(text, owner ?? name)
    }
  }
}

function checkInvalidation(tree: Branch, findings: Findings): void {
  const known = membersOf(memberOf(tree, 'invalidation', 'groups')).map(([name]) => name)
  for (const [, event] of membersOf(memberOf(tree, 'invalidation', 'on')))
    for (const group of itemsOf(memberOf(event, 'groups'))) {
      const name = textOf(group)
      if (name !== undefined && !known.includes(name))
        findings.onValue(group.at, {
          problem: `is '${name}', and \`invalidation.groups\` has no such group. ${unknown(name, known)}`,
        })
    }
  if (!isTrue(memberOf(tree, 'strictNamespaces'))) return
  for (const use of namespaceUses(tree)) checkNamespace(use, tree, findings)
}

function isTrue(tree: Tree | undefined): boolean {
  return tree?.kind === 'leaf' && tree.value === true
}

interface Use {
  readonly name: string
  readonly node: Tree
}

/** Every place that names a namespace. */
function namespaceUses(tree: Branch): readonly Use[] {
  const targets = ['on', 'groups'].flatMap((part) => membersOf(memberOf(tree, 'invalidation', part)))
  const removed = targets.flatMap(([, target]) => [
    ...itemsOf(memberOf(target, 'namespaces')).flatMap((node) => use(node, textOf(node))),
    ...['keys', 'patterns'].flatMap((part) =>
      membersOf(memberOf(target, part)).flatMap(([name, node]) => use(node, name)),
    ),
  ])
  const warmed = itemsOf(memberOf(tree, 'warming', 'patterns')).flatMap((pattern) => {
    const node = memberOf(pattern, 'namespace')
    return node === undefined ? [] : use(node, textOf(node))
  })
  return [...removed, ...warmed]
}

function use(node: Tree, name: string | undefined): readonly Use[] {
  return name === undefined ? [] : [{ name, node }]
}

function checkNamespace({ name, node }: Use, tree: Branch, findings: Findings): void {
  const namespaces = membersOf(memberOf(tree, 'namespaces'))
  const known = namespaces.flatMap(([own, namespace]) => [
    own,
    ...itemsOf(memberOf(namespace, 'aliases')).flatMap((alias) => textOf(alias) ?? []),
  ])
  if (!known.includes(name))
    findings.onKey(node.at, {
      problem: `is about the namespace \`${name}\`, which is not listed, and \`strictNamespaces\` is set. ${unknown(name, known)}`,
    })
}

function checkKeys(tree: Branch, findings: Findings): void {
  const ids = new Set<unknown>()
  for (const key of itemsOf(memberOf(tree, 'encryption', 'keys'))) {
    const id = memberOf(key, 'id')
    if (id?.kind !== 'leaf' || id.isOpen === true) continue
    if (ids.has(id.value)) findings.onValue(id.at, { problem: 'is the id of another key already.' })
    ids.add(id.value)
  }
}

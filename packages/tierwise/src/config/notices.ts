import { parseLifetime } from '../base/duration.ts'
import type { Lifetime, NamespaceOptions } from '../contract/options.ts'
import type { Findings } from './config-issue.ts'
import type { ResolvedConfig } from './tierwise-config.ts'
import { memberOf } from './tree.ts'
import type { Branch } from './tree.ts'

/** Notices every namespace whose entries have no end. */
export function noticeEndless(config: ResolvedConfig, tree: Branch, notices: Findings): void {
  for (const [name, namespace] of Object.entries(config.namespaces ?? {})) {
    const node = memberOf(tree, 'namespaces', name)
    if (node !== undefined && isEndless(namespace, config))
      notices.onKey(node.at, { problem: 'keeps entries for ever: its ttl is `forever`, and it has no `maxTtl`.' })
  }
}

function isEndless(namespace: NamespaceOptions, { governance, defaults }: ResolvedConfig): boolean {
  const dataClass = namespace.dataClass === undefined ? {} : (governance?.dataClasses?.[namespace.dataClass] ?? {})
  const { ttl = '5m', maxTtl } = { ...defaults, ...dataClass, ...namespace }
  return maxTtl === undefined && parseLifetime(ttl as Lifetime) === Infinity
}

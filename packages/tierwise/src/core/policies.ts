import type { CacheManagerOptions } from '../contract/options.ts'
import { ConfigError } from '../errors.ts'
import { checkNamespaceName } from './key.ts'
import { resolveNamespace } from './namespace-policy.ts'
import type { PolicyContext } from './namespace-policy.ts'
import type { NamespacePolicy } from './policy.ts'

/** Resolves every listed namespace now, so that a wrong option is found at construction; aliases point to the same policy. */
export function namespacePolicies(
  options: CacheManagerOptions,
  context: PolicyContext,
): ReadonlyMap<string, NamespacePolicy> {
  const policies = new Map<string, NamespacePolicy>()
  for (const [name, raw] of Object.entries(options.namespaces ?? {})) {
    const policy = resolveNamespace(name, raw, context)
    for (const alias of [name, ...policy.aliases]) {
      checkNamespaceName(alias)
      if (policies.has(alias))
        throw new ConfigError(
          `\`namespaces.${name}\`: the name \`${alias}\` is taken by \`${policies.get(alias)?.name}\`.`,
          { code: 'ERR_CACHE_CONFIG', namespace: name },
        )
      policies.set(alias, policy)
    }
  }
  checkKeyPrefixes(policies)
  return policies
}

/** Namespaces share no keys. Listed ones alone can be raw. */
function checkKeyPrefixes(policies: ReadonlyMap<string, NamespacePolicy>): void {
  const owners = new Map<string, string>()
  for (const { name, raw } of new Set(policies.values())) {
    if (raw === undefined) continue
    const other = owners.get(raw.keyPrefix)
    if (other !== undefined)
      throw new ConfigError(
        `The raw namespaces \`${other}\` and \`${name}\` have the same keys: both start with \`${raw.keyPrefix}\`. Give one of them another \`raw.keyPrefix\`.`,
        { code: 'ERR_CACHE_CONFIG', namespace: name },
      )
    owners.set(raw.keyPrefix, name)
  }
}

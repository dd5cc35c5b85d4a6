import { isNamePart } from '../base/key.ts'
import { ConfigError } from '../errors.ts'

export function checkNamespaceName(name: unknown): asserts name is string {
  if (typeof name === 'string' && isNamePart(name)) return
  throw new ConfigError(
    `\`${String(name)}\` is not a namespace name: use letters, digits, \`_\`, \`-\` and \`.\`, at most 128.`,
    {
      code: 'ERR_CACHE_OPTION',
      namespace: String(name),
    },
  )
}

/** `{prefix}:{version}:{namespace}:`, what all storage keys of a namespace start with; `{prefix}:` for those of all namespaces. No part contains a colon. */
export function storagePrefix(prefix: string, ...namespace: [] | [version: string, namespace: string]): string {
  return [prefix, ...namespace, ''].join(':')
}

/** The namespace whose keys start with the prefix. */
export function namespaceIn(prefix: string): string {
  return prefix.split(':')[2] ?? ''
}

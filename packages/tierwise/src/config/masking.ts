import type { Leaf } from './tree.ts'

/** Names of options whose values are never shown. */
const secretName =
  /^(?:key|auth|secret|token|.*(?:password|passphrase|secret|credential)s?|.*[_-](?:token|key)|(?:api|access|private|auth|signing)(?:Token|Key))$/i
const secretParameter = /([?&][^=&]*(?:pass|secret|token|key|auth)[^=&]*=)[^&]*/gi

/** What is shown of a leaf: names of variables instead of what they hold, and no secret. */
export function shownValue(leaf: Leaf, name: string): unknown {
  const value = leaf.shown ?? leaf.value
  if (typeof value === 'string') return isVariableAlone(value, leaf) ? value : maskText(value, name)
  if (value instanceof RegExp) return value.source
  if (typeof value === 'object' && value !== null) return '(from code)'
  if (typeof value === 'function') return '(from code)'
  return secretName.test(name) && value !== null ? '***' : value
}

/** Whether the value must not be shown as it is. */
export function isSecret(leaf: Leaf, name: string): boolean {
  return leaf.shown !== undefined || (typeof leaf.value === 'string' && maskText(leaf.value, name) !== leaf.value)
}

function isVariableAlone(shown: string, leaf: Leaf): boolean {
  return leaf.isVariable === true && leaf.shown === shown && /^\$\{(?:file:[^}]*|\w+)\}$/.test(shown)
}

function maskText(text: string, name: string): string {
  if (secretName.test(name)) return '***'
  // A password may hold an @ or a /, so everything up to the last @ of the text is taken for a part of it.
  return text
    .replace(/^([a-z][\w+.-]*:\/\/[^:@/]*:)(.+)@/is, (_, before: string) => `${before}***@`)
    .replace(secretParameter, '$1***')
}

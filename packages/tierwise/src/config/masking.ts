import { parseLifetime, parseSize } from '../base/duration.ts'
import type { Lifetime, Size } from '../contract/options.ts'
import { mapPlain } from './tree.ts'
import type { Leaf, Tree } from './tree.ts'

/** Names of options whose values are never shown. */
const secretName =
  /^(?:auth|secret|token|.*(?:password|passphrase|secret|credential)s?|.*[_-](?:token|key)|(?:api|access|private|auth|signing)(?:Token|Key))$/i
const secretParameter = /([?&][^=&]*(?:pass|secret|token|key|auth)[^=&]*=)[^&]*/gi

const nameAlone = /^\$\{(?:file:[^}]*|\w+)\}$/

/** What is shown of a leaf behind these names: names of variables instead of what they hold, and no secret. */
export function shownValue(leaf: Leaf, names: readonly string[]): unknown {
  const value = leaf.shown ?? leaf.value
  if (typeof value === 'string')
    return leaf.shown !== undefined && nameAlone.test(value) ? value : maskText(value, names)
  if (value instanceof RegExp) return value.source
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') return '(from code)'
  return isSecretName(names) && value !== null ? '***' : value
}

/** Whether the value must not be shown as it is. */
export function isSecret(leaf: Leaf, names: readonly string[]): boolean {
  if (leaf.shown !== undefined) return true
  if (typeof leaf.value === 'string') return maskText(leaf.value, names) !== leaf.value
  return isSecretName(names) && leaf.value !== null
}

/** The `key` of a view is made of columns; any other is a key for something. */
function isSecretName(names: readonly string[]): boolean {
  const name = names.at(-1) ?? ''
  return secretName.test(name) || (name === 'key' && names.at(-3) !== 'views')
}

function maskText(text: string, names: readonly string[]): string {
  if (isSecretName(names)) return '***'
  // A password may hold an @ or a /, so everything up to the last @ of the text is taken for a part of it.
  return text
    .replace(/^([a-z][\w+.-]*:\/\/[^:@/]*:)(.+)@/is, (_, before: string, password: string) =>
      nameAlone.test(password) ? `${before}${password}@` : `${before}***@`,
    )
    .replace(secretParameter, '$1***')
}

/** A text of somebody who knows values only, with names instead of those that came from variables and files. */
export function withoutValues(text: string, tree: Tree): string {
  const names = new Map<string, string>()
  mapPlain(tree, ({ value, shown }) => {
    if (shown === undefined) return
    const amounts = [parseLifetime(value as Lifetime), parseSize(value as Size)].filter((each) => each !== undefined)
    for (const form of [value, ...amounts].map(String)) if (form !== '') names.set(form, shown)
  })
  const forms = [...names.keys()]
    .toSorted((a, b) => b.length - a.length)
    .map((form) => form.replace(/[^\w\s]/g, '\\$&'))
  if (forms.length === 0) return text
  return text.replace(new RegExp(`(?<!\\w)(?:${forms.join('|')})(?: ms)?(?!\\w)`, 'g'), (found) => {
    const name = names.get(found) ?? names.get(found.replace(/ ms$/, ''))
    return name ?? found
  })
}

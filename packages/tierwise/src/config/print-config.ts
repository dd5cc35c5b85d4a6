import { stringify } from 'yaml'
import { treeBehind } from './load-config.ts'
import type { LoadedConfig } from './load-config.ts'
import { shownValue } from './masking.ts'
import { sectionNames } from './schema/schema.ts'
import { mapPlain } from './tree.ts'

/** What a reader looks for; the rest follows in the order of the schema. */
const first = ['preset', 'prefix', 'tiers', 'chain', 'defaults', 'namespaces']

/**
 * What results of a configuration, as a text to read, compare and keep: for the profile that holds, with names instead of
 * what came from variables and files, and with secrets masked. The same configuration gives the same text.
 */
export function printConfig(loaded: LoadedConfig, format: 'yaml' | 'json' = 'yaml'): string {
  const tree = treeBehind(loaded)
  if (tree === undefined) throw new TypeError('printConfig takes what loadConfig returned.')
  const shown = mapPlain(tree, shownValue) as Readonly<Record<string, unknown>>
  const order = [...new Set([...first, ...sectionNames])]
  const sorted = Object.fromEntries(
    order.filter((name) => Object.hasOwn(shown, name)).map((name) => [name, shown[name]]),
  )
  if (format === 'json') return `${JSON.stringify(sorted, undefined, 2)}\n`
  return `# profile: ${loaded.profile ?? 'none'}\n${stringify(sorted, { aliasDuplicateObjects: false, lineWidth: 0, singleQuote: true })}`
}

import { dirname, join } from 'node:path/posix'
import { parseSync } from 'vite'

/** The layers from the bottom up. A folder sees the layers below its own and itself, never its siblings in a layer. */
const layers: readonly (readonly string[])[] = [
  ['contract'],
  ['errors.ts'],
  ['base'],
  ['codecs', 'clients', 'governance', 'statistics'],
  ['core', 'tiers/*', 'buses', 'coordination'],
  ['observability', 'transfer', 'presets', 'warming'],
  ['create-cache-manager.ts'],
  ['config'],
  ['default-manager.ts'],
  ['index.ts'],
  ['decorators'],
  ['recipes'],
  ['adapters'],
  ['testing'],
]

/** What makes a run unrepeatable, and the only files that may touch it; everything else is given a `Runtime`. */
const impure: Readonly<Record<string, readonly string[]>> = {
  'Date.now': ['base/runtime.ts'],
  'Math.random': ['base/runtime.ts'],
  setTimeout: ['base/runtime.ts', 'testing/servers/until.ts'],
  setInterval: ['base/runtime.ts'],
  setImmediate: ['base/runtime.ts', 'testing/fake-runtime.ts', 'testing/conformance/tier-session.ts'],
}

/** What a source file of the library does against the rules, a sentence each. `path` is relative to src. */
export function findLayerViolations(path: string, source: string): string[] {
  const imports = importsOf(path, source).flatMap((specifier) => judgeImport(path, specifier))
  return [...imports, ...judgeImpurity(path, source)]
}

/** What a file outside of the library imports that the library does not publish. */
export function findUnpublishedImports(path: string, source: string, published: readonly string[]): string[] {
  return importsOf(path, source)
    .filter((specifier) => /^tierwise(\/|$)|packages\/tierwise/.test(specifier) && !published.includes(specifier))
    .map((specifier) => `${path} imports ${specifier}, which is not published`)
}

function judgeImport(path: string, specifier: string): string[] {
  if (specifier.startsWith('tierwise')) return [`${path} imports the library by its name`]
  if (!specifier.startsWith('.')) return []
  const target = join(dirname(path), specifier)
  const from = placeOf(path)
  const to = placeOf(target)
  if (from === undefined) return [`${path} belongs to no layer`]
  if (to === undefined) return [`${path} imports ${target}, which belongs to no layer`]
  if (from.part === to.part || to.level < from.level) return []
  return [`${path} imports ${target}, but ${from.part} may not see ${to.part}`]
}

function placeOf(path: string): { readonly level: number; readonly part: string } | undefined {
  for (const [level, parts] of layers.entries()) {
    for (const pattern of parts) {
      const part = new RegExp(`^${pattern.replace('*', '[^/]+')}(?=/|$)`).exec(path)?.[0]
      if (part !== undefined) return { level, part }
    }
  }
  return undefined
}

function importsOf(path: string, source: string): string[] {
  const { module, errors } = parseSync(path, source)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const dynamic = module.dynamicImports.map(({ moduleRequest }) => source.slice(moduleRequest.start, moduleRequest.end))
  const reexported = module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest?.value))
  const all = [...module.staticImports.map(({ moduleRequest }) => moduleRequest.value), ...reexported, ...dynamic]
  return [
    ...new Set(all.filter((specifier) => specifier !== undefined).map((text) => text.replaceAll(/^['"`]|['"`]$/g, ''))),
  ]
}

function judgeImpurity(path: string, source: string): string[] {
  const used = new Set<string>()
  visit(parseSync(path, source).program, (node) => {
    const { type, object, property, callee, name } = node
    if (type === 'MemberExpression') used.add(`${nameOf(object)}.${nameOf(property)}`)
    if (type === 'Identifier' && typeof name === 'string') used.add(name)
    if (type === 'NewExpression' && nameOf(callee) === 'Date' && isEmpty(node['arguments'])) used.add('Date.now')
  })
  return Object.entries(impure)
    .filter(([what, allowed]) => used.has(what) && !allowed.includes(path))
    .map(([what]) => `${path} uses ${what} instead of the runtime it is given`)
}

type Node = Readonly<Record<string, unknown>>

function visit(value: unknown, see: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) see(value as Node)
  for (const child of Object.values(value)) visit(child, see)
}

function nameOf(node: unknown): string {
  return String((node as Node | undefined)?.['name'])
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0
}

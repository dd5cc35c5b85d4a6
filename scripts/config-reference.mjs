import { join } from 'node:path'
import { runnerImport } from 'vite'
import { root } from './command.mjs'
import { readDeclarations } from './declarations.mjs'

/**
 * What editors and readers are told of configuration files, made from the schema that checks them: the JSON Schema of the
 * package, and its reference page. The words come from the comments of the interfaces that the schema is held against.
 *
 * @typedef {import('./declarations.mjs').Declaration} Declaration
 * @typedef {import('./declarations.mjs').Doc} Doc
 * @typedef {import('../packages/tierwise/src/config/schema/json-schema.ts').JsonSchema} JsonSchema
 */

const source = 'packages/tierwise/src'

const files = [
  'config/tierwise-config.ts',
  'contract/options.ts',
  'contract/tier.ts',
  'tiers/memory/index.ts',
  'tiers/disk/options.ts',
  'tiers/redis/options.ts',
  'tiers/postgres/options.ts',
  'tiers/postgres/views/view-options.ts',
  'clients/redis/options.ts',
  'clients/postgres/connection-options.ts',
]

/** Where the options of each part are given, in the order of the page. */
const places = {
  TierwiseConfig: 'the top of a file; all but `profiles` also in each profile',
  ProfileConfig: '`profiles.NAME`, besides everything above',
  MemoryTierConfig: '`tiers.NAME` with `type: memory`',
  RedisTierConfig: '`tiers.NAME` with `type: redis`',
  RedisTlsOptions: '`tls` of a Redis tier',
  RedisSentinelOptions: '`sentinel` of a Redis tier',
  RedisClusterOptions: '`cluster` of a Redis tier',
  RedisAddress: 'each of the `nodes` of Sentinels and clusters',
  RedisBackoffOptions: '`backoff` of a Redis tier',
  RedisHeartbeatOptions: '`heartbeat` of a Redis tier',
  DiskTierConfig: '`tiers.NAME` with `type: disk`',
  PostgresTierConfig: '`tiers.NAME` with `type: postgres`',
  PostgresTlsConfig: '`tls` of a PostgreSQL tier',
  PostgresViewsTierConfig: '`tiers.NAME` with `type: postgres-views`',
  PostgresViewConfig: '`views.NAMESPACE` of a tier of views',
  CompressionOptions: '`compression` of a tier',
  DefaultsConfig: '`defaults`',
  NamespaceOptions: '`namespaces.NAME`',
  KeyRule: 'each of the `keyRules` of a namespace',
  AdaptiveTtlOptions: '`adaptiveTtl` of a namespace',
  RawOptions: '`raw` of a namespace',
  GovernanceOptions: '`governance`',
  DataClassOptions: '`governance.dataClasses.NAME`',
  GuardOptions: '`guards.TIER`',
  BreakerOptions: '`breaker`',
  EncryptionConfig: '`encryption`',
  EncryptionKeyConfig: 'each of the `keys` of `encryption`',
  WarmingConfig: '`warming`',
  WarmingPatternConfig: 'each of the `patterns` of `warming`',
  InvalidationConfig: '`invalidation`',
  InvalidationEventConfig: '`invalidation.on.EVENT`',
  InvalidationTargets: '`invalidation.groups.NAME`',
  MonitoringConfig: '`monitoring`',
  ThresholdConfig: 'each of the `thresholds` of `monitoring`',
}

/** @returns {Promise<{ schema: string, page: string }>} */
export async function configReference() {
  const path = join(root, source, 'config/schema/json-schema.ts')
  const { module } = await runnerImport(path, { configFile: false, logLevel: 'error', root })
  const { configJsonSchema: make } = /** @type {{ configJsonSchema: () => JsonSchema }} */ (module)
  const schema = describe(make())
  return { schema: `${JSON.stringify(schema, undefined, 2)}\n`, page: page(schema) }
}

/** @param {JsonSchema} schema @returns {JsonSchema} */
function describe(schema) {
  const docs = memberDocs()
  const { definitions = {}, ...top } = schema
  const parts = Object.entries(definitions).map(([name, part]) => [name, describePart(name, part, docs)])
  return { ...describePart('TierwiseConfig', top, docs), definitions: Object.fromEntries(parts) }
}

/** @typedef {(declaration: string, member: string) => Doc | undefined} FindDoc */

/** @returns {FindDoc} */
function memberDocs() {
  const declarations = new Map(files.flatMap((file) => [...readDeclarations(`${source}/${file}`)]))
  /** @type {FindDoc} */
  const find = (name, member) => {
    const declaration = declarations.get(name)
    const own = declaration?.members.find((each) => each.name === member)?.doc
    if (own !== undefined && own.text !== '') return own
    const inherited = (declaration?.bases ?? [])
      .map((base) => find(/^(?:Omit|Pick|Partial)<\s*(\w+)/.exec(base)?.[1] ?? base, member))
      .find((doc) => doc !== undefined)
    return inherited ?? (own === undefined ? undefined : { ...own, text: plain(member) })
  }
  return find
}

/** Options whose name and default say almost everything. @param {string} member */
function plain(member) {
  if (member === 'compression') return 'How values are compressed; `false` for not at all.'
  if (member === 'durability') return 'When a write counts as done.'
  throw new Error(`${member} has no doc comment`)
}

/** @param {string} name @param {JsonSchema} part @param {FindDoc} find @returns {JsonSchema} */
function describePart(name, part, find) {
  const properties = Object.entries(part.properties ?? {}).map(([key, property]) => {
    if (key === '$schema') return [key, { ...property, description: 'Where the JSON Schema of this file is.' }]
    const doc = find(name, key)
    if (doc === undefined) throw new Error(`${name}.${key} has no doc comment`)
    const description = doc.default === undefined ? doc.text : `${doc.text} Default: ${doc.default}`
    return [key, { ...property, description }]
  })
  return properties.length === 0 ? part : { ...part, properties: Object.fromEntries(properties) }
}

/** @param {JsonSchema} schema */
function page(schema) {
  const { definitions = {}, ...top } = schema
  const parts = { TierwiseConfig: top, ...definitions }
  const missing = Object.keys(parts).find((name) => name !== 'variable' && !(name in places))
  if (missing !== undefined) throw new Error(`${missing} has no place on the page of configuration files`)
  const sections = Object.entries(places).map(([name, where]) => {
    const part = /** @type {Record<string, JsonSchema>} */ (parts)[name]
    if (part === undefined) throw new Error(`${name} is no part of the schema`)
    return section(name, where, name === 'ProfileConfig' ? without(part, top) : part)
  })
  return [
    '# Configuration files',
    'Everything that a `tierwise.config` file can hold; [the guide](../guide/configuration.md) says how it is read. Wherever something else than a free text is expected, a variable like `${NAME}` may stand. Durations are milliseconds or `500ms`, `30s`, `5m`, `2h`, `1d`; sizes are bytes or `512kb`, `64mb`, `1gb`. The same as JSON Schema, for editors: `tierwise/schema/tierwise.schema.json`.',
    ...sections,
    '---\nWritten by `node scripts/reference.mjs` from the sources; change those.\n',
  ].join('\n\n')
}

/** What a part has besides another. @param {JsonSchema} part @param {JsonSchema} other @returns {JsonSchema} */
function without(part, other) {
  const own = Object.entries(part.properties ?? {}).filter(([name]) => !(name in (other.properties ?? {})))
  return { ...part, properties: Object.fromEntries(own) }
}

/** @param {string} name @param {string} where @param {JsonSchema} part */
function section(name, where, part) {
  const rows = Object.entries(part.properties ?? {}).map(([key, property]) => {
    const [meaning = '', standard] = String(property['description']).split(/ Default: (.*)$/s)
    return [`\`${key}\``, form(property), standard?.replaceAll(/^'([^' ]*)'/g, '`$1`') ?? 'none', meaning]
  })
  const lines = [['option', 'value', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`,
  )
  return `## ${name}\n\nFor ${where}.\n\n${lines.join('\n')}`
}

const scalarNames = new Map([
  ['string', 'text'],
  ['integer', 'whole number'],
  ['null', 'nothing'],
])

/** What a value looks like. @param {JsonSchema} part @returns {string} */
function form(part) {
  const { $ref, allOf, title, anyOf, type = 'anything' } = part
  if ($ref !== undefined) return link($ref)
  if (allOf !== undefined) return allOf.map(form).join(' ')
  if (title !== undefined) return title
  if (anyOf !== undefined) return [...new Set(anyOf.map(form))].filter((each) => each !== '').join(' | ')
  const choices = part.const === undefined ? part.enum : [part.const]
  if (choices !== undefined) return choices.map((each) => `\`${String(each)}\``).join(' | ')
  if (type === 'array') return `list of ${form(part.items ?? {})}`
  return type === 'object' ? table(part) : (scalarNames.get(type) ?? type)
}

/** @param {JsonSchema} part */
function table({ additionalProperties: others, properties }) {
  return typeof others === 'object' && properties === undefined ? `by name: ${form(others)}` : 'by name'
}

/** @param {string} reference */
function link(reference) {
  const name = reference.replace('#/definitions/', '')
  return name === 'variable' ? '' : `[${name}](#${name.toLowerCase()})`
}

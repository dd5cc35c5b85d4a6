import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './command.mjs'
import { configReference } from './config-reference.mjs'
import { readDeclarations } from './declarations.mjs'
import { metricsReference } from './metrics-reference.mjs'
import { optionPlaces, optionSources } from './option-places.mjs'

/**
 * Writes the reference pages from the doc comments of the sources; with `--check` it only says which are out of date.
 * The examples of verbs become snippets of their own, which the documentation step compiles and runs.
 *
 * @typedef {import('./declarations.mjs').Declaration} Declaration
 * @typedef {import('./declarations.mjs').Member} Member
 * @typedef {(name: string) => Declaration} Find
 */

const source = 'packages/tierwise/src'

/** @param {readonly string[]} files @returns {Find} */
function index(files) {
  const declarations = new Map(files.flatMap((file) => [...readDeclarations(`${source}/${file}`)]))
  return (name) => {
    const found = declarations.get(name)
    if (found === undefined) throw new Error(`${name} is not exported by ${files.join(', ')}`)
    return found
  }
}

/** @param {string} title @param {string} intro @param {readonly string[]} parts */
function page(title, intro, parts) {
  return (
    [`# ${title}`, intro, ...parts].join('\n\n') +
    '\n\n---\nWritten by `node scripts/reference.mjs` from the sources; change those.\n'
  )
}

function optionsPage() {
  const find = index(optionSources)
  const units = [
    'Duration',
    'Lifetime',
    'Size',
    'WriteMode',
    'Isolation',
    'Coherence',
    'GovernanceMode',
    'RawValues',
    'Durability',
  ].map((name) => typeRow(find(name)))
  const tables = Object.entries(optionPlaces).map(([name, where]) => optionTable(find(name), where))
  const intro =
    'Every option, its unit, its default and what it does. An unknown option or a wrong value is a `ConfigError` that names its path.'
  return page('Options', intro, [`## Kinds of values\n\n${table(['kind', 'form', 'meaning'], units)}`, ...tables])
}

/** Options whose default says almost everything. */
const plainOptions = new Map([
  ['name', 'Name in the chain, in events and in statistics.'],
  ['durability', 'When a write counts as done.'],
  ['compression', 'How values are compressed; `false` for not at all.'],
])

/** @param {Declaration} declaration @param {string} where */
function optionTable(declaration, where) {
  const rows = declaration.members.map((member) => {
    const { name, type, optional, doc } = member
    const value = doc.default === undefined ? (optional ? 'none' : 'required') : defaultText(doc.default)
    if (doc.text === '' && !plainOptions.has(name)) throw new Error(`${declaration.name}.${name} has no doc comment`)
    return [code(name), code(type), value, doc.text === '' ? (plainOptions.get(name) ?? '') : doc.text]
  })
  const bases =
    declaration.bases.length === 0 ? '' : `Besides those of ${declaration.bases.map(baseName).join(', ')}.\n\n`
  return `## ${declaration.name}\n\nFor ${where}.\n\n${bases}${table(['option', 'type', 'default', 'meaning'], rows)}`
}

/** A base that gives way for some of its options is still that base. @param {string} base */
function baseName(base) {
  return code(/^(?:Omit|Pick)<(\w+),/.exec(base)?.[1] ?? base)
}

/** Literals are code, words are words. @param {string} text */
function defaultText(text) {
  return /^['\d]|^(?:true|false)$/.test(text) && !text.includes(' ') ? code(text) : text
}

function eventsPage() {
  const find = index(['contract/events.ts', 'contract/governance.ts', 'contract/cache.ts', 'contract/analytics.ts'])
  const events = find('CacheEvent').members.flatMap(({ name }) => {
    const declaration = find(name)
    return (declaration.kind === 'interface' ? [declaration] : declaration.members).map(eventSection)
  })
  const types = [
    'TierWriteState',
    'TierOperation',
    'GuardedKind',
    'BreakerState',
    'BreakerReason',
    'EvictReason',
    'BadRecordReason',
    'GovernanceRule',
    'ViolationOutcome',
  ].map((name) => typeRow(find(name)))
  const intro =
    'What `manager.on(type, listener)` tells. An event is made only while somebody listens; none carries a value or a credential. A listener that throws disturbs nothing and is told as a `background-error`.'
  return page('Events', intro, [...events, `## Kinds of values\n\n${table(['kind', 'form', 'meaning'], types)}`])
}

/** A tier event is declared in its union. @param {Declaration | Member} event */
function eventSection({ name, doc, members }) {
  const type = members.find((member) => member.name === 'type')
  if (type === undefined || doc.text === '') throw new Error(`${name} needs a type and a doc comment`)
  const rows = members
    .filter((member) => member !== type)
    .map((member) => [code(member.name + (member.optional ? '?' : '')), code(member.type), fieldText(name, member)])
  return `## ${type.type.replaceAll("'", '')}\n\n${doc.text}\n\n${table(['field', 'type', 'meaning'], rows)}`
}

/** Fields whose name says everything. */
const plainFields = new Map([
  ['namespace', 'The namespace.'],
  ['key', 'The key.'],
  ['name', 'Its name.'],
  ['tags', 'Its tags.'],
  ['version', 'Its version.'],
  ['value', 'The value.'],
  ['tier', 'The tier.'],
  ['error', 'Why.'],
  ['entries', 'Entries held.'],
  ['bytes', 'Bytes held.'],
  ['maxBytes', 'The budget.'],
  ['state', 'What became of it.'],
  ['operation', 'What was asked of it.'],
  ['reason', 'Why.'],
  ['count', 'How many.'],
  ['pending', 'How many are kept now.'],
  ['notice', 'A short name of it.'],
  ['detail', 'What it is about.'],
  ['tiers', 'Each tier of the chain.'],
])

/** @param {string} owner @param {Member} member */
function fieldText(owner, { name, doc }) {
  const text = doc.text === '' ? plainFields.get(name) : doc.text
  if (text === undefined) throw new Error(`${owner}.${name} has no doc comment`)
  return text
}

function errorsPage() {
  const find = index(['errors.ts'])
  const codes = find('CacheErrorCode').members.map(({ name, doc }) => {
    const [, type, when, remedy] = /^`(\w+)`\. (.+) Do: (.+)$/.exec(doc.text) ?? []
    if (type === undefined)
      throw new Error(`${name} needs a doc comment like "\`CacheError\`. When it is raised. Do: what helps."`)
    return { name, type: find(type).name, when, remedy }
  })
  const classes = [...new Set(['CacheError', ...codes.map(({ type }) => type)])]
  const fields = find('CacheErrorFields').members.map(({ name, type, doc }) => [
    code(name),
    code(type),
    doc.text === '' ? (plainFields.get(name) ?? '') : doc.text,
  ])
  const intro =
    'Match on `code`: codes are stable, messages may change. `error instanceof CacheError` holds even when two copies of the package are loaded. A message never contains a value or a credential.'
  return page('Errors', intro, [
    `## Codes\n\n${table(
      ['code', 'class', 'when', 'what to do'],
      codes.map(({ name, type, when = '', remedy = '' }) => [code(name), code(type), when, capital(remedy)]),
    )}`,
    `## Classes\n\n${table(
      ['class', 'meaning'],
      classes.map((name) => [code(name), find(name).doc.text]),
    )}`,
    `\`LicenseViolationError\` also has \`licenseSource\`, \`requestedTtlMs\`, \`maxAllowedTtlMs\` and \`ttlHours\`.`,
    `## Fields\n\n${table(['field', 'type', 'meaning'], fields)}`,
  ])
}

const preamble = `import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'

const manager = createCacheManager({ tiers: [memory()] })
const factors = manager.namespace<number>('factors')
`

function verbsPage() {
  const find = index([
    'contract/cache.ts',
    'contract/loader.ts',
    'contract/analytics.ts',
    'contract/health.ts',
    'create-cache-manager.ts',
    'default-manager.ts',
    'base/duration.ts',
    'base/glob.ts',
    'contract/tier.ts',
  ])
  const functions = [
    'createCacheManager',
    'initializeCacheManager',
    'getCacheManager',
    'shutdownCacheManager',
    'parseDuration',
    'escapeGlob',
  ].map((name) => {
    const { type, doc } = find(name)
    return [code(type.replace(/^function /, '')), doc.text.replaceAll('\n\n', ' ')]
  })
  const shapes = [
    'LoaderContext',
    'BatchLoaderContext',
    'WriteResult',
    'EntryInfo',
    'TierEntry',
    'Analytics',
    'NamespaceStats',
    'TierStats',
    'TierLookups',
    'TierHitRates',
    'OperationStats',
    'LatencySummary',
    'CompressionStats',
    'WindowStats',
    'WindowCounters',
    'HotKey',
    'KeyFamily',
    'Recommendation',
    'Health',
    'TierHealth',
    'TierUsage',
  ]
  return page('Verbs', 'What a namespace and a manager can do. Each example runs on its own.', [
    ...verbSections(find('Cache'), 'A namespace'),
    ...verbSections(find('CacheManager'), 'The manager'),
    `## Functions\n\n${table(['function', 'meaning'], functions)}`,
    '## What loaders get and calls return',
    ...shapes.map((name) => shapeSection(find(name))),
  ])
}

function coordinationPage() {
  const primitives = [
    'counter',
    'register',
    'member-set',
    'hash',
    'sorted-set',
    'claims',
    'watermark',
    'channel',
    'lock',
    'rate-limiter',
  ]
  const find = index([
    'coordination/coordination.ts',
    'coordination/options.ts',
    'coordination/steps.ts',
    'coordination/primitives/holding.ts',
    ...primitives.map((name) => `coordination/primitives/${name}.ts`),
    'contract/coordination.ts',
  ])
  const verbs = [
    'Counter',
    'Register',
    'MemberSet',
    'Hash',
    'SortedSet',
    'Claims',
    'Watermark',
    'Channel',
    'Lock',
    'RateLimiter',
  ]
  const shapes = [
    'ClaimedWork',
    'HeldLock',
    'LimitDecision',
    'Reservation',
    'Subscription',
    'ComparedWrite',
    'CoordinationStats',
    'StepCounts',
  ]
  const types = ['Claim', 'ClaimedRun', 'CoordinationEvent', 'CoordinationFailure'].map((name) => typeRow(find(name)))
  const intro =
    'What `tierwise/coordination` can do. Every call rejects with `ERR_CACHE_UNAVAILABLE` when the store cannot be asked and the `failure` of the primitive is `closed`, and with `ERR_CACHE_KEY` for what cannot be an id.'
  return page('Coordination', intro, [
    ...verbSections(find('Coordination'), 'A coordination'),
    ...verbs.flatMap((name) => verbSections(find(name), name)),
    '## What calls return',
    ...shapes.map((name) => shapeSection(find(name))),
    table(['type', 'form', 'meaning'], types),
    ...verbSections(find('CoordinationStore'), 'A store'),
  ])
}

/** @param {Declaration} declaration @param {string} title */
function verbSections({ name, doc, members }, title) {
  const verbs = members.filter(({ signature }) => signature.includes('('))
  return [`## ${title}\n\n${code(name)}: ${doc.text}`, ...verbs.map((verb) => verbSection(name, verb))]
}

/** @param {string} owner @param {Member} member */
function verbSection(owner, { name, signature, doc }) {
  if (doc.text === '') throw new Error(`${owner}.${name} has no doc comment`)
  const throws = doc.throws.map(
    (line) => `- throws ${line.replace(/^(\w+)/, '`$1`').replaceAll(/(ERR_CACHE_\w+)/g, '[`$1`](errors.md#codes)')}`,
  )
  const examples = doc.examples.map((example) => `\`\`\`ts\n${preamble}\n${example}\n\`\`\``)
  return [
    `### ${name}`,
    `\`\`\`typescript\n${signature}\n\`\`\``,
    doc.text,
    ...(throws.length > 0 ? [throws.join('\n')] : []),
    ...examples,
  ].join('\n\n')
}

/** @param {Declaration} declaration */
function shapeSection({ name, doc, members }) {
  const rows = members.map((member) => [
    code(member.signature.includes('(') ? member.signature : `${member.name}: ${member.type}`),
    fieldText(name, member),
  ])
  return `### ${name}\n\n${doc.text}\n\n${table(['member', 'meaning'], rows)}`
}

/** @param {Declaration} declaration */
function typeRow({ name, type, doc }) {
  return [code(name), code(type), doc.text]
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  )
  return lines.join('\n')
}

/** Inline code; a text with backticks gets longer ones around it. @param {string} text */
function code(text) {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const config = await configReference()

/** What is written, by its path. */
const pages = {
  'docs/reference/options.md': optionsPage(),
  'docs/reference/events.md': eventsPage(),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/verbs.md': verbsPage(),
  'docs/reference/coordination.md': coordinationPage(),
  'docs/reference/configuration.md': config.page,
  'docs/reference/metrics.md': await metricsReference(),
  'packages/tierwise/schema/tierwise.schema.json': config.schema,
}

/** Writes one file, or says that it is out of date. @param {string} path @param {string} text */
function bring(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return true
  if (process.argv.includes('--check')) return false
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return true
}

const outdated = Object.entries(pages).filter(([path, text]) => !bring(join(root, path), text))
if (outdated.length > 0) {
  console.error(
    `Out of date: ${outdated.map(([path]) => path).join(', ')}. Run \`node scripts/reference.mjs\` and read what changed.`,
  )
  process.exitCode = 1
}

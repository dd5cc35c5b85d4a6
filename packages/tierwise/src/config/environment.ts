import { setChain } from './arrange.ts'
import type { Findings } from './config-issue.ts'
import { parseSize, parseLifetime } from '../base/duration.ts'
import type { Lifetime, Size } from '../contract/options.ts'
import { itemsOf, joinPath, memberOf, membersOf, textOf, treeOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What takes part in reading the environment. */
interface Reading {
  readonly env: Environment
  readonly findings: Findings
  readonly notices: Findings
}

/**
 * The variables that hold without being named in the file. Those that begin with CACHE_ win over the file, and that is a
 * notice. REDIS_ and DATABASE_URL say where a store is that the file does not place.
 */
export function applyEnvironment(tree: Branch, reading: Reading): Branch {
  const steps = [applyWarming, applyTtl, applyMemorySize, applyThreshold, placeRedis, placePostgres]
  return steps.reduce((changed, step) => step(changed, reading), tree)
}

/** An empty variable is how many shells say that there is none. */
function variable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

const wanted: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory'],
  redis: ['redis'],
  hybrid: ['memory', 'redis'],
}

/** CACHE_BACKEND chooses the chain: `memory`, `redis`, or `hybrid` for both. */
export function applyBackend(tree: Branch, { env, findings, notices }: Reading): Branch {
  const backend = variable(env, 'CACHE_BACKEND')
  if (backend === undefined) return tree
  const types = Object.hasOwn(wanted, backend) ? wanted[backend] : undefined
  if (types === undefined) {
    findings.add({ path: 'CACHE_BACKEND' }, { problem: "must be one of 'memory', 'redis', 'hybrid'." })
    return tree
  }
  const typeOf = (name: string): string | undefined => textOf(memberOf(tree, 'tiers', name, 'type'))
  const before = chainOf(tree)
  let changed = tree
  const chain = types.flatMap((type) => {
    const found = before.filter((name) => typeOf(name) === type)
    if (found.length > 0) return found
    if (typeOf(type) === undefined) changed = addTier(changed, type)
    return [type]
  })
  if (chain.join() === before.join()) return changed
  const instead = before.length === 0 ? '' : ` instead of ${before.join(', ')}`
  notices.add({ path: 'chain' }, { problem: `is ${chain.join(', ')}${instead}, because of CACHE_BACKEND.` })
  return setChain(changed, chain)
}

/** The names in the chain that are names of tiers. */
export function chainOf(tree: Branch): readonly string[] {
  const names = itemsOf(memberOf(tree, 'chain')).flatMap((item) => textOf(item) ?? [])
  return names.filter((name) => memberOf(tree, 'tiers', name) !== undefined)
}

function addTier(tree: Branch, type: string): Branch {
  const tiers = memberOf(tree, 'tiers')
  if (tiers?.kind !== 'branch') return tree
  return withMember(tree, 'tiers', withMember(tiers, type, treeOf({ type }, { ...tiers.at, path: `tiers.${type}` })))
}

function applyWarming(tree: Branch, reading: Reading): Branch {
  const warm = flag('CACHE_WARM_ON_STARTUP', reading)
  return warm === undefined
    ? tree
    : override(tree, ['warming', 'onStart'], { value: warm, name: 'CACHE_WARM_ON_STARTUP', reading })
}

function applyTtl(tree: Branch, reading: Reading): Branch {
  const name = 'CACHE_DEFAULT_TTL'
  const value = variable(reading.env, name)
  if (value === undefined) return tree
  if (parseLifetime(value as Lifetime) === undefined) {
    reading.findings.add(
      { path: name },
      { problem: "must be a text with a unit like '30s', '5m', '1h', or 'forever'." },
    )
    return tree
  }
  return override(tree, ['defaults', 'ttl'], { value, name, reading })
}

function applyMemorySize(tree: Branch, reading: Reading): Branch {
  const name = 'CACHE_MEMORY_SIZE'
  const value = variable(reading.env, name)
  const tier = chainOf(tree).find((each) => textOf(memberOf(tree, 'tiers', each, 'type')) === 'memory')
  if (value === undefined || tier === undefined) return tree
  if (parseSize(value as Size) === undefined) {
    reading.findings.add({ path: name }, { problem: "must be a text with a unit like '512kb', '64mb', '1gb'." })
    return tree
  }
  return override(tree, ['tiers', tier, 'maxBytes'], { value, name, reading })
}

function applyThreshold(tree: Branch, reading: Reading): Branch {
  const name = 'CACHE_COMPRESSION_THRESHOLD'
  const value = variable(reading.env, name)
  if (value === undefined) return tree
  if (!/^\d{1,15}$/.test(value)) {
    reading.findings.add({ path: name }, { problem: 'must be a whole number of bytes.' })
    return tree
  }
  const tiers = chainOf(tree).filter((tier) =>
    ['redis', 'disk', 'postgres'].includes(textOf(memberOf(tree, 'tiers', tier, 'type')) ?? ''),
  )
  return tiers.reduce(
    (changed, tier) =>
      override(changed, ['tiers', tier, 'compression', 'threshold'], { value: Number(value), name, reading }),
    tree,
  )
}

interface Override {
  readonly value: string | number | boolean
  readonly name: string
  readonly reading: Reading
}

/** Puts the value of a variable in, and says so where the file has one. */
function override(tree: Branch, path: readonly string[], { value, name, reading }: Override): Branch {
  const before = memberOf(tree, ...path)
  if (before !== undefined) reading.notices.onValue(before.at, { problem: `does not hold, because of ${name}.` })
  return put(tree, path, { kind: 'leaf', at: { path: name }, value, shown: `\${${name}}` })
}

function put(tree: Branch, path: readonly string[], node: Tree): Branch {
  const [name = '', ...rest] = path
  if (rest.length === 0) return withMember(tree, name, node)
  const below = tree.members.get(name)
  const at = { path: joinPath([name], tree.at.path) }
  const branch: Branch = below?.kind === 'branch' ? below : { kind: 'branch', at, members: new Map() }
  return withMember(tree, name, put(branch, rest, node))
}

function flag(name: string, { env, findings }: Reading): boolean | undefined {
  const value = variable(env, name)?.toLowerCase()
  if (value === undefined) return undefined
  if (['true', '1', 'yes', 'on'].includes(value)) return true
  if (['false', '0', 'no', 'off'].includes(value)) return false
  findings.add({ path: name }, { problem: 'must be true or false.' })
  return undefined
}

const places = ['url', 'host', 'port', 'sentinel', 'cluster']

/** Every Redis tier that the file does not place is where the REDIS_ variables say. */
function placeRedis(tree: Branch, reading: Reading): Branch {
  const unplaced = chainOf(tree).filter((name) => {
    const tier = memberOf(tree, 'tiers', name)
    return textOf(memberOf(tier, 'type')) === 'redis' && places.every((place) => memberOf(tier, place) === undefined)
  })
  return unplaced.length === 0
    ? tree
    : unplaced.reduce((changed, name) => fillIn(changed, name, redisPlace(reading)), tree)
}

/** Adds what a tier does not say itself. */
function fillIn(tree: Branch, name: string, found: Readonly<Record<string, Tree>>): Branch {
  const missing = Object.entries(found).filter(([option]) => memberOf(tree, 'tiers', name, option) === undefined)
  return missing.reduce((changed, [option, node]) => put(changed, ['tiers', name, option], node), tree)
}

const redisVariables: Readonly<Record<string, string>> = {
  host: 'REDIS_HOST',
  port: 'REDIS_PORT',
  db: 'REDIS_DB',
  username: 'REDIS_USERNAME',
}

function redisPlace(reading: Reading): Readonly<Record<string, Tree>> {
  const { env, findings } = reading
  const password = fromVariable(env, 'REDIS_PASSWORD') ?? fromVariable(env, 'REDIS_AUTH')
  const shared = { ...(password === undefined ? {} : { password }), ...redisTls(reading) }
  const inCluster = flag('REDIS_CLUSTER', reading) === true
  const url = fromVariable(env, 'REDIS_URL')
  if (inCluster && fromVariable(env, 'REDIS_HOST') === undefined)
    findings.add(
      { path: 'REDIS_CLUSTER' },
      { problem: 'needs REDIS_HOST: a node of the cluster, or several separated by commas.' },
    )
  if (url !== undefined && !inCluster) return { url, ...shared }
  const named = Object.entries(redisVariables).flatMap(([option, name]) => {
    const node = fromVariable(env, name)
    return node === undefined ? [] : [[option, node] as const]
  })
  const { host, port, ...rest } = Object.fromEntries(named)
  if (inCluster) return { ...clusterNodes(env), ...rest, ...shared }
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }), ...rest, ...shared }
}

function redisTls(reading: Reading): Readonly<Record<string, Tree>> {
  const { env } = reading
  if (flag('REDIS_USE_TLS', reading) !== true) return {}
  const cert = fromVariable(env, 'REDIS_TLS_CERT_PATH')
  const key = fromVariable(env, 'REDIS_TLS_KEY_PATH')
  const at = { path: 'REDIS_USE_TLS' }
  if (cert === undefined && key === undefined)
    return { tls: { kind: 'leaf', at, value: true, shown: '${REDIS_USE_TLS}' } }
  const members = Object.entries({ cert, key }).flatMap(([name, node]) =>
    node === undefined ? [] : [[name, node] as const],
  )
  return { tls: { kind: 'branch', at, members: new Map(members) } }
}

function clusterNodes(env: Environment): Readonly<Record<string, Tree>> {
  const at = { path: 'REDIS_HOST' }
  const fallback = fromVariable(env, 'REDIS_PORT')
  const nodes = (variable(env, 'REDIS_HOST') ?? '').split(',').flatMap((text): Tree[] => {
    const [host = '', port] = text.trim().split(':')
    if (host === '') return []
    const own = port === undefined ? fallback : leafOf('REDIS_HOST', port)
    const members = new Map<string, Tree>([['host', leafOf('REDIS_HOST', host)]])
    if (own !== undefined) members.set('port', own)
    return [{ kind: 'branch', at, members }]
  })
  if (nodes.length === 0) return {}
  const list: Tree = { kind: 'list', at, items: nodes }
  return { cluster: { kind: 'branch', at, members: new Map([['nodes', list]]) } }
}

function fromVariable(env: Environment, name: string): Tree | undefined {
  const value = variable(env, name)
  return value === undefined ? undefined : leafOf(name, value)
}

function leafOf(name: string, value: string): Tree {
  return { kind: 'leaf', at: { path: name }, value, shown: `\${${name}}`, isVariable: true }
}

function placePostgres(tree: Branch, { env }: Reading): Branch {
  const url = fromVariable(env, 'DATABASE_URL')
  if (url === undefined) return tree
  const unplaced = membersOf(memberOf(tree, 'tiers')).filter(
    ([, tier]) =>
      (textOf(memberOf(tier, 'type')) ?? '').startsWith('postgres') &&
      ['url', 'dataDir'].every((place) => memberOf(tier, place) === undefined),
  )
  return unplaced.reduce((changed, [name]) => fillIn(changed, name, { url }), tree)
}

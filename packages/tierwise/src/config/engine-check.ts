import { resolveConnection } from '../clients/redis/connection.ts'
import { connectionOptionTable, readConnectionOptions } from '../clients/redis/options.ts'
import type { NamespaceOptions } from '../contract/options.ts'
import { resolveNamespace } from '../core/namespace-policy.ts'
import type { PolicyContext } from '../core/namespace-policy.ts'
import { readGovernance } from '../core/namespace-options.ts'
import { CacheError } from '../errors.ts'
import type { Findings } from './config-issue.ts'
import type { ResolvedConfig } from './tierwise-config.ts'
import { withoutValues } from './masking.ts'
import { follow, hasOpen, memberOf } from './tree.ts'
import type { Branch } from './tree.ts'

/**
 * Asks the engine for the policy of every namespace, data class and of the defaults, so that what a configuration may
 * say is decided in one place. What it refuses goes to `findings`, one mistake of each.
 */
export function checkWithEngine(tree: Branch, config: ResolvedConfig, findings: Findings): void {
  const context = contextOf(config)
  const ask = (name: string, options: NamespaceOptions | undefined): void => {
    try {
      resolveNamespace(name, options, context)
    } catch (error) {
      if (!(error instanceof CacheError)) throw error
      report(error.message, { tree, fallback: ['namespaces', name] }, findings)
    }
  }
  for (const dataClass of Object.keys(config.governance?.dataClasses ?? {})) ask('default', { dataClass })
  for (const [name, options] of Object.entries(config.namespaces ?? {})) ask(name, options)
  for (const name of config.chain) checkConnection(name, { tree, config, findings })
}

/** What the options of a Redis tier mean together; nothing is connected. */
function checkConnection(name: string, { tree, config, findings }: Asked): void {
  const tier = config.tiers[name]
  const node = memberOf(tree, 'tiers', name)
  if (tier?.type !== 'redis' || node === undefined || hasOpen(node)) return
  const path = `tiers.${name}`
  const own = Object.entries(tier).filter(([option]) => Object.hasOwn(connectionOptionTable, option))
  try {
    resolveConnection(readConnectionOptions(Object.fromEntries(own), path), { path, environment: {} })
  } catch (error) {
    if (!(error instanceof CacheError)) throw error
    report(error.message, { tree, fallback: ['tiers', name] }, findings)
  }
}

interface Asked {
  readonly tree: Branch
  readonly config: ResolvedConfig
  readonly findings: Findings
}

function contextOf(config: ResolvedConfig): PolicyContext {
  const typeOf = (name: string): string | undefined => config.tiers[name]?.type
  return {
    defaults: config.defaults,
    governance: readGovernance(config.governance),
    tierNames: config.chain,
    rawTiers: config.chain.filter((name) => typeOf(name) === 'redis'),
    demotionTiers: config.chain.filter((name) => typeOf(name) === 'disk'),
    memory: config.chain.find((name) => typeOf(name) === 'memory'),
    prefix: config.prefix ?? 'tw',
    isEncrypted: config.encryption !== undefined,
  }
}

interface Place {
  readonly tree: Branch
  readonly fallback: readonly string[]
}

/** The messages of the engine begin with the path of the option in backticks. */
function report(message: string, { tree, fallback }: Place, findings: Findings): void {
  const [, path, problem = message] = /^`([^`]+)`:? (.*)$/s.exec(message) ?? []
  const names = path === undefined ? fallback : segments(path, tree)
  const { node, rest } = follow(tree, names)
  const at = { path: rest.length === 0 ? node.at.path : (path ?? node.at.path), position: node.at.value }
  // Only what the entry is made of can be in the message; equal values elsewhere have other names.
  const behind = [follow(tree, names.slice(0, 2)).node, memberOf(tree, 'governance'), memberOf(tree, 'defaults')]
  const told = behind.reduce((text, part) => (part === undefined ? text : withoutValues(text, part)), problem)
  findings.add(at, { problem: told })
}

/** Names may have dots of their own: the longest name that exists at each step is meant. */
function segments(path: string, tree: Branch): readonly (string | number)[] {
  const names: (string | number)[] = []
  let rest = path.replaceAll(/\[(\d+)\]/g, '.$1')
  while (rest !== '') {
    const { node } = follow(tree, names)
    const known = node.kind === 'branch' ? [...node.members.keys()] : []
    const own = known
      .filter((name) => rest === name || rest.startsWith(`${name}.`))
      .toSorted((a, b) => b.length - a.length)
    const name = own[0] ?? rest.split('.')[0] ?? rest
    names.push(node.kind === 'list' ? Number(name) : name)
    rest = rest.slice(name.length + 1)
  }
  return names
}

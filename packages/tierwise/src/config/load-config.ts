import { dirname, isAbsolute, relative } from 'node:path'
import type { CacheManagerOptions } from '../contract/options.ts'
import { arrange, changeMembers } from './arrange.ts'
import { Findings } from './config-issue.ts'
import type { ConfigIssue } from './config-issue.ts'
import { createOptions } from './create-options.ts'
import { checkWithEngine } from './engine-check.ts'
import { applyBackend, applyEnvironment, chainOf } from './environment.ts'
import { isSecret } from './masking.ts'
import { narrowTiers } from './narrow-tiers.ts'
import { noticeEndless } from './notices.ts'
import { presetTree } from './preset-tree.ts'
import { chooseProfile, layered, lineage, overlayConfig, parentsIn, readProfiles } from './profiles.ts'
import type { Profiles } from './profiles.ts'
import { withoutWrong } from './prune.ts'
import { locateConfig } from './read/find-config.ts'
import { readConfigFile } from './read/read-file.ts'
import { checkReferences } from './references.ts'
import type { ResolvedConfig } from './tierwise-config.ts'
import { memberOf, membersOf, pathOf, withMember } from './tree.ts'
import type { Branch, Tree } from './tree.ts'
import { validate } from './validate.ts'
import { fillVariables, openVariables } from './variables.ts'
import type { Sources } from './variables.ts'

/** Where a configuration comes from. */
export interface ConfigSource {
  /** The file. @default `TIERWISE_CONFIG`, or the one that `findConfig` finds */
  readonly file?: string
  /** Where to look, and where relative paths begin. @default that of the process */
  readonly cwd?: string
  /** The profile. @default `TIERWISE_PROFILE`, or `NODE_ENV` if there is a profile of that name */
  readonly profile?: string
  /** The variables. @default those of the process */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** A configuration that was read and found right. */
export interface LoadedConfig {
  /** Its whole path. */
  readonly file: string
  /** The profile that holds; undefined for the file without any. */
  readonly profile: string | undefined
  /** The names of all profiles. */
  readonly profiles: readonly string[]
  /** What results of file, profile, preset, variables and environment. */
  readonly config: ResolvedConfig
  /** What is not wrong and still worth knowing: a variable that won over the file, a namespace without an end. */
  readonly notices: readonly ConfigIssue[]
  /** Paths in `config` whose values `printConfig` does not show. */
  readonly secretPaths: ReadonlySet<string>
  /**
   * The options for `createCacheManager`, with new tiers at each call. Only the modules of these tiers are loaded.
   *
   * @throws ConfigFileError when a tier refuses its options
   * @throws ConfigError ERR_CACHE_PEER_MISSING
   */
  createOptions(): Promise<CacheManagerOptions>
}

const trees = new WeakMap<LoadedConfig, Branch>()

/** The tree behind a configuration, for printing. */
export function treeBehind(loaded: LoadedConfig): Branch | undefined {
  return trees.get(loaded)
}

/**
 * Reads a configuration: file, profile, preset, variables, environment, schema. Every other profile is checked as well, as
 * far as that is possible without its variables.
 *
 * @throws ConfigFileError with everything that is wrong, by line
 * @throws ConfigError ERR_CACHE_CONFIG when there is no file or there are two, ERR_CACHE_PEER_MISSING for TypeScript without jiti
 */
export async function loadConfig(from: ConfigSource = {}): Promise<LoadedConfig> {
  const { cwd = process.cwd(), env = process.env } = from
  const file = await locateConfig(from.file, { cwd, env })
  const display = displayPath(file, cwd)
  const findings = new Findings(display)
  const notices = new Findings(display)
  const profiles = readProfiles(await readConfigFile(file, findings), findings)
  const profile = chooseProfile(profiles, { given: from.profile, env }, findings)
  const surroundings: Surroundings = { profiles, findings, notices, env, folder: dirname(file) }
  const { config, tree } = judge(profile, surroundings)
  judgeOthers(profile, surroundings)
  findings.throwIfAny()
  // Without findings there is a configuration.
  const resolved = config as ResolvedConfig
  noticeEndless(resolved, tree, notices)
  const loaded: LoadedConfig = {
    file,
    profile,
    profiles: [...profiles.byName.keys()],
    config: resolved,
    notices: notices.sorted(),
    secretPaths: new Set(secretsIn(tree, '', [])),
    createOptions: () => createOptions(resolved, tree, new Findings(display)),
  }
  trees.set(loaded, tree)
  return loaded
}

function displayPath(file: string, cwd: string): string {
  const path = relative(cwd, file)
  return path.startsWith('..') || isAbsolute(path) ? file : path.replaceAll('\\', '/')
}

interface Surroundings {
  readonly profiles: Profiles
  readonly findings: Findings
  readonly notices: Findings
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
}

interface Judged {
  readonly config: ResolvedConfig | undefined
  readonly tree: Branch
}

/** The profile that holds, with everything. */
function judge(profile: string | undefined, surroundings: Surroundings): Judged {
  const { profiles, findings, notices, env, folder } = surroundings
  const layers = withPreset(layered(profiles, lineage(profiles, profile, findings)))
  const reading = { env, findings, notices }
  const arranged = applyBackend(arrange(layers, findings), reading)
  const filled = fillUsed(arranged, { env, folder }, findings)
  return check(applyEnvironment(filled, reading), surroundings)
}

/** A tier that is not in the chain needs none of its variables. */
function fillUsed(tree: Branch, sources: Sources, findings: Findings): Branch {
  const chain = chainOf(tree)
  const used = changeMembers(tree, 'tiers', (tier, name) => (chain.includes(name) ? tier : undefined))
  const unused = changeMembers(tree, 'tiers', (tier, name) => (chain.includes(name) ? undefined : tier))
  const filled = fillVariables(used, sources, findings) as Branch
  const opened = membersOf(memberOf(unused, 'tiers')).map(
    ([name, tier]) => [name, openVariables(tier, findings)] as const,
  )
  const tiers = memberOf(filled, 'tiers')
  if (tiers?.kind !== 'branch' || opened.length === 0) return filled
  return withMember(filled, 'tiers', { ...tiers, members: new Map([...tiers.members, ...opened]) })
}

/** Profiles that do not hold now are judged too: a mistake is found before they do. */
function judgeOthers(profile: string | undefined, surroundings: Surroundings): void {
  const { profiles, findings } = surroundings
  const parents = parentsIn(profiles)
  for (const name of profiles.byName.keys()) {
    if (name === profile) continue
    const line = lineage(profiles, name, findings)
    if (parents.has(name)) continue
    const opened = openVariables(withPreset(layered(profiles, line)), findings) as Branch
    const quiet = { ...surroundings, notices: new Findings('') }
    const arranged = arrange(opened, findings)
    // Where the environment alone names the tiers, there are none to judge without it.
    check(chainOf(arranged).length === 0 ? applyBackend(arranged, quiet) : arranged, quiet)
  }
}

function withPreset(tree: Branch): Branch {
  const preset = presetTree(tree)
  return preset === undefined ? tree : overlayConfig(preset, tree)
}

function check(arranged: Branch, { profiles, findings, notices }: Surroundings): Judged {
  const { tree, wrong } = validate(arranged, findings)
  const declared = declaredTiers(tree, profiles)
  checkReferences(tree, { declaredTiers: declared }, findings)
  const narrowed = narrowTiers(tree, { findings, notices, declared })
  const judgeable = withoutWrong(narrowed, wrong)
  const config = judgeable === undefined ? undefined : validate(judgeable, findings).config
  if (judgeable !== undefined && config !== undefined) checkWithEngine(judgeable, config, findings)
  return { config, tree: narrowed }
}

function declaredTiers(tree: Branch, { base, byName }: Profiles): ReadonlySet<string> {
  return new Set(
    [base, ...byName.values(), tree].flatMap((layer) => membersOf(memberOf(layer, 'tiers')).map(([name]) => name)),
  )
}

function secretsIn(tree: Tree, path: string, names: readonly string[]): readonly string[] {
  if (tree.kind === 'leaf') return isSecret(tree, names) ? [path] : []
  if (tree.kind === 'list') return tree.items.flatMap((item, index) => secretsIn(item, pathOf(path, index), names))
  return [...tree.members].flatMap(([key, member]) => secretsIn(member, pathOf(path, key), [...names, key]))
}

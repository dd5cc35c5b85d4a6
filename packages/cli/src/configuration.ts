import type { ConfigIssue } from 'tierwise/config'
import { CommandFailure, messageOf } from './failure.ts'
import type { Library } from './library.ts'
import type { Terminal } from './terminal.ts'

/** Options of a tier as the configuration gives them. */
export type TierOptions = Readonly<Record<string, unknown>>

/** What the commands read of a namespace, of `defaults` and of a data class. */
export type PolicyOptions = Readonly<Record<string, unknown>>

/** What the commands read of a configuration that was loaded for one profile. */
export interface Configuration {
  readonly prefix?: string
  readonly chain: readonly string[]
  readonly tiers: Readonly<Record<string, TierOptions>>
  readonly defaults?: PolicyOptions
  readonly governance?: {
    readonly mode?: string
    readonly dataClasses?: Readonly<Record<string, PolicyOptions>>
  }
  readonly namespaces?: Readonly<Record<string, PolicyOptions>>
  readonly strictNamespaces?: boolean
  readonly tierTimeout?: unknown
  readonly guards?: Readonly<Record<string, PolicyOptions>>
}

export interface LoadedConfiguration {
  readonly file: string
  readonly profile: string | undefined
  readonly profiles: readonly string[]
  readonly config: Configuration
  readonly notices: readonly ConfigIssue[]
}

/** What the commands use of `tierwise/config`. */
export interface ConfigurationLoader {
  loadConfig(from: {
    readonly file?: string
    readonly cwd?: string
    readonly profile?: string
    readonly env?: Readonly<Record<string, string | undefined>>
  }): Promise<LoadedConfiguration>
  printConfig(loaded: LoadedConfiguration, format?: 'yaml' | 'json'): string
}

export interface ConfigurationSource {
  readonly file: string | undefined
  readonly profile: string | undefined
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export function configurationLoader(library: Library): Promise<ConfigurationLoader> {
  return library.tierwise<ConfigurationLoader>('tierwise/config')
}

/** The mistakes that an error of the loader lists; undefined for any other error. */
export function issuesOf(error: unknown): readonly ConfigIssue[] | undefined {
  const issues = (error as { readonly issues?: unknown } | undefined)?.issues
  return Array.isArray(issues) ? (issues as readonly ConfigIssue[]) : undefined
}

/** Loads it, and sees to it that no password of it is ever shown. @throws CommandFailure with every mistake in it */
export async function loadConfiguration(
  source: ConfigurationSource,
  { library, terminal }: { readonly library: Library; readonly terminal: Terminal },
): Promise<LoadedConfiguration> {
  const loader = await configurationLoader(library)
  try {
    const loaded = await loader.loadConfig(sourceOf(source))
    terminal.hide(secretsOf(loaded.config))
    return loaded
  } catch (error) {
    const issues = issuesOf(error)
    if (issues === undefined) throw configurationFailure(error)
    throw new CommandFailure(['The configuration has mistakes:', ...issues.map(({ text }) => `  ${text}`)].join('\n'), {
      cause: error,
    })
  }
}

/** There is no configuration, or there are two, or a package to read it is missing. */
export function configurationFailure(error: unknown): unknown {
  const { code } = Object(error) as { readonly code?: unknown }
  if (typeof code !== 'string' || !code.startsWith('ERR_CACHE_')) return error
  return new CommandFailure(messageOf(error), { hint: '`tierwise init` writes a first configuration.', cause: error })
}

/** Only what is given: the loader has defaults of its own. */
export function sourceOf({
  file,
  profile,
  cwd,
  env,
}: ConfigurationSource): Parameters<ConfigurationLoader['loadConfig']>[0] {
  return { cwd, env, ...(file === undefined ? {} : { file }), ...(profile === undefined ? {} : { profile }) }
}

/** An option that is a text, or what it is without one. */
export function textOption(options: TierOptions, name: string, fallback: string): string {
  const value = options[name]
  return typeof value === 'string' ? value : fallback
}

const secretNames = /^(password|secret|token|key|passphrase)$/i

/** Texts that must not be shown: what is named like a secret, and passwords inside of URLs. */
function secretsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return passwordIn(value)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) =>
    secretNames.test(name) && typeof each === 'string' ? [each, ...passwordIn(each)] : secretsOf(each),
  )
}

function passwordIn(text: string): readonly string[] {
  if (!/^\w+:\/\/[^/]*@/.test(text) || !URL.canParse(text)) return []
  const { password } = new URL(text)
  return password === '' ? [] : [password, decoded(password)]
}

/** A `%` that begins no escape stands for itself. */
function decoded(password: string): string {
  try {
    return decodeURIComponent(password)
  } catch {
    return password
  }
}

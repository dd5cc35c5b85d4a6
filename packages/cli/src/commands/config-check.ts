import type { ConfigIssue } from 'tierwise/config'
import { relative } from 'node:path'
import {
  configurationFailure,
  configurationLoader,
  issuesOf,
  sourceOf,
  type ConfigurationLoader,
} from '../configuration.ts'
import { exitCode, type ExitCode } from '../exit-code.ts'
import { Library } from '../library.ts'
import type { CheckOptions, CommandContext } from '../program.ts'
import type { Terminal } from '../terminal.ts'

/** What was found in one profile; `null` is the configuration without any. */
interface ProfileCheck {
  readonly profile: string | null
  readonly file: string | null
  readonly mistakes: readonly ConfigIssue[]
  readonly notices: readonly ConfigIssue[]
}

/** `tierwise config check` */
export async function checkConfig(
  file: string | undefined,
  options: CheckOptions,
  { cwd, env, terminal }: CommandContext,
): Promise<ExitCode> {
  const loader = await configurationLoader(new Library(cwd))
  const check = (profile: string | undefined): ReturnType<typeof checkProfile> =>
    checkProfile(loader, sourceOf({ file, profile, cwd, env }))
  const first = await check(options.profile)
  const checks = [first.check]
  if (options.allProfiles === true) for (const profile of first.profiles) checks.push((await check(profile)).check)
  const hasMistakes = checks.some(({ mistakes }) => mistakes.length > 0)
  if (options.json) {
    const answer = { command: 'config check', ok: !hasMistakes, profiles: checks }
    terminal.print(JSON.stringify(answer, undefined, 2))
  } else tell(checks, terminal)
  return hasMistakes ? exitCode.problems : exitCode.ok
}

async function checkProfile(
  loader: ConfigurationLoader,
  source: Parameters<ConfigurationLoader['loadConfig']>[0],
): Promise<{ readonly check: ProfileCheck; readonly profiles: readonly string[] }> {
  const given = source.profile ?? null
  try {
    const { file, profile = given, notices, profiles } = await loader.loadConfig(source)
    return { check: { profile, file, mistakes: [], notices }, profiles }
  } catch (error) {
    const mistakes = issuesOf(error)
    if (mistakes === undefined) throw configurationFailure(error)
    const { profiles = [] } = error as { readonly profiles?: readonly string[] }
    return { check: { profile: given, file: mistakes[0]?.file ?? null, mistakes, notices: [] }, profiles }
  }
}

/** A mistake outside of the profiles is in each of them, and is told once. */
function tell(checks: readonly ProfileCheck[], terminal: Terminal): void {
  const { green, red, yellow } = terminal.colors
  const told = new Set<string>()
  for (const { profile, file, mistakes, notices } of checks) {
    const fresh = mistakes.filter(({ text }) => !told.has(text))
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`
    const outcome = mistakes.length === 0 ? green('ok') : red(fresh.length === 0 ? `${count}, as above` : count)
    const place = file === null ? 'configuration' : relative('', file)
    terminal.print(`${place}${profile === null ? '' : `, profile ${profile}`}: ${outcome}`)
    for (const { text } of fresh) terminal.print(`  ${text}`)
    for (const { text } of notices) if (!told.has(text)) terminal.print(`  ${yellow('notice:')} ${text}`)
    for (const { text } of [...fresh, ...notices]) told.add(text)
  }
}

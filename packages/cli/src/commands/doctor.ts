import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadConfiguration, type Configuration } from '../configuration.ts'
import { examineTiers } from '../doctor/examine.ts'
import { tiersOf } from '../doctor/configured-tier.ts'
import { inOrder, severities, worst, type Finding, type TierExamination } from '../doctor/finding.ts'
import { redisConf } from '../doctor/redis/redis-conf.ts'
import { renderExaminations, summaryOf } from '../doctor/render.ts'
import { exitCode, type ExitCode } from '../exit-code.ts'
import { CommandFailure, messageOf } from '../failure.ts'
import { Library } from '../library.ts'
import type { CommandContext, DoctorOptions } from '../program.ts'

/** `tierwise doctor` */
export async function doctor(options: DoctorOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, cwd, env, signal } = context
  const library = new Library(cwd)
  const loaded = await loadConfiguration(
    { file: options.config, profile: options.profile, cwd, env },
    { library, terminal },
  )
  const configuration = loaded.config
  if (options.redisConf !== undefined) writeRedisConf(options.redisConf, configuration, cwd)
  const waiting = new Set(tiersOf(configuration).map(({ name }) => name))
  const showProgress = (): void => terminal.progress(`Examining ${[...waiting].join(', ')} ...`)
  showProgress()
  const examinations = await examineTiers(
    { configuration, library, cwd, env, timeoutMs: options.timeout, signal },
    (tier) => {
      waiting.delete(tier)
      showProgress()
    },
  )
  terminal.progress()
  const findings = examinations.flatMap((each) => each.findings)
  const about = { file: loaded.file, profile: loaded.profile }
  if (options.json) terminal.print(JSON.stringify(answerOf(examinations, findings, about), undefined, 2))
  else {
    terminal.print(renderExaminations(examinations, terminal.colors))
    terminal.print(`\n${summaryOf(findings)}`)
    if (options.redisConf !== undefined) terminal.note(`${options.redisConf} was written; no server was changed.`)
  }
  return worst(findings) === 'failure' ? exitCode.problems : exitCode.ok
}

function answerOf(
  tiers: readonly TierExamination[],
  findings: readonly Finding[],
  about: { readonly file: string; readonly profile: string | undefined },
): object {
  const counts = severities.map((severity) => [severity, findings.filter((each) => each.severity === severity).length])
  return {
    command: 'doctor',
    file: about.file,
    profile: about.profile ?? null,
    checkedAt: new Date().toISOString(),
    outcome: worst(findings),
    counts: Object.fromEntries(counts),
    tiers: tiers.map(answerOfTier),
  }
}

function answerOfTier(tier: TierExamination): object {
  const { reachable = null, findings } = tier
  return { ...tier, reachable, outcome: worst(findings), findings: inOrder(findings) }
}

/** Never over a file that is there: it may be the one in use. */
function writeRedisConf(path: string, configuration: Configuration, cwd: string): void {
  const content = redisConf(configuration)
  if (content === undefined) throw new CommandFailure('The configuration has no Redis tier to write a redis.conf for')
  try {
    writeFileSync(resolve(cwd, path), content, { flag: 'wx' })
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new CommandFailure(exists ? `${path} exists already` : `${path} cannot be written: ${messageOf(error)}`, {
      hint: 'Give another name.',
      cause: error,
    })
  }
}

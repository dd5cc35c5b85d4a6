import { projectWith, runProgram, type Ran } from './run-program.ts'

export interface Finding {
  readonly severity: string
  readonly code: string
  readonly server?: string
  readonly message: string
  readonly advice?: string
}

export interface Examined {
  readonly tier: string
  readonly place: string
  readonly reachable: boolean | null
  readonly outcome: string
  readonly facts: Readonly<Record<string, string | boolean>>
  readonly servers: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly findings: readonly Finding[]
}

export interface Diagnosis extends Ran {
  /** The tier that is not in memory. */
  readonly tier: Examined
  /** `severity code` of its findings. */
  readonly found: readonly string[]
}

export interface DoctorOptions {
  readonly config?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

/** A project whose configuration has memory and one more tier. */
export function projectOf(name: string, tier: object, config: Readonly<Record<string, unknown>> = {}): string {
  return projectWith({ 'tierwise.config.json': JSON.stringify({ tiers: { memory: {}, [name]: tier }, ...config }) })
}

/** Runs `doctor --json` on a configuration with one tier behind memory. */
export async function diagnose(name: string, tier: object, options: DoctorOptions = {}): Promise<Diagnosis> {
  const cwd = projectOf(name, tier, options.config)
  const ran = await runProgram(['doctor', '--json', '--timeout', '5s', ...(options.args ?? [])], {
    cwd,
    env: options.env ?? {},
  })
  const answer = JSON.parse(ran.stdout) as { tiers?: readonly Examined[] }
  const examined = answer.tiers?.find((each) => each.tier === name)
  if (examined === undefined) throw new Error(`doctor said nothing of ${name}: ${ran.stdout}${ran.stderr}`)
  return { ...ran, tier: examined, found: examined.findings.map(({ severity, code }) => `${severity} ${code}`) }
}

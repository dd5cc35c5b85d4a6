import { readFileSync } from 'node:fs'
import { InvalidArgumentError, Option } from 'commander'
import type { ExitCode } from './exit-code.ts'
import { TaughtCommand } from './taught-command.ts'
import type { Terminal } from './terminal.ts'
import { millisecondsOf } from './units.ts'

/** What every command is given. */
export interface CommandContext {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** Aborted when the program is interrupted. */
  readonly signal: AbortSignal
}

interface CommonOptions {
  readonly json?: true
  readonly verbose?: true
}

export interface InitOptions extends CommonOptions {
  readonly format: 'yaml' | 'ts' | 'json'
  readonly force?: true
  readonly dryRun?: true
}

interface ProfileOptions extends CommonOptions {
  readonly config?: string
  readonly profile?: string
}

export interface DoctorOptions extends ProfileOptions {
  readonly redisConf?: string
  /** Milliseconds. */
  readonly timeout: number
}

export interface ReportOptions extends ProfileOptions {
  readonly input?: string
  readonly format: 'markdown' | 'json'
  /** Items that are looked at in each tier. */
  readonly limit: number
  /** Milliseconds. */
  readonly timeout: number
}

export interface CheckOptions extends CommonOptions {
  readonly profile?: string
  readonly allProfiles?: true
}

export interface PrintOptions extends CommonOptions {
  readonly profile?: string
  readonly format: 'yaml' | 'json'
}

type Conclude = (code: ExitCode) => void

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

/** The whole command line. Commands are imported when they are called, so that help and mistakes are answered at once. */
export function createProgram(context: CommandContext, conclude: Conclude): TaughtCommand {
  const program = new TaughtCommand('tierwise')
    .description('Looks after caches of tierwise: their configuration, their servers, what they hold.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .showHelpAfterError('(add --help to see what is possible)')
    .teach({
      examples: [
        { line: 'tierwise init', does: 'write a configuration for this project' },
        { line: 'tierwise config check --all-profiles', does: 'find every mistake in it, with line and column' },
        { line: 'tierwise doctor --profile production', does: 'examine the servers, folders and databases it names' },
        { line: 'tierwise report', does: 'hold what is stored against the policies' },
      ],
    })
    .addHelpText('after', environmentText)
  addInit(program, context, conclude)
  addConfig(program, context, conclude)
  addDoctor(program, context, conclude)
  addReport(program, context, conclude)
  return settle(program, context.terminal)
}

const environmentText = `
Answers go to stdout, everything else to stderr; --json makes an answer JSON.
NO_COLOR switches colours off. No command ever changes a server.

Exit codes:
  0  all is well
  1  problems were found
  2  wrong usage
  3  it could not be done`

/** Settings that each command of a parser has for itself. */
function settle(command: TaughtCommand, terminal: Terminal): TaughtCommand {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.print(text.trimEnd()),
    writeErr: (text) => terminal.note(text.trimEnd()),
    getOutHelpWidth: () => Math.min(100, terminal.width),
    getErrHelpWidth: () => Math.min(100, terminal.width),
  })
  for (const each of command.commands) settle(each as TaughtCommand, terminal)
  return command
}

/** What all commands understand. */
function common(command: TaughtCommand): TaughtCommand {
  return command.option('--json', 'answer in JSON').option('--verbose', 'show where an error comes from')
}

function addInit(program: TaughtCommand, context: CommandContext, conclude: Conclude): void {
  const command = program
    .command('init')
    .description(
      'Write a configuration from what the project uses: its clients, variables and framework.',
    ) as TaughtCommand
  command
    .addOption(
      new Option('--format <format>', 'language of the file').choices(['yaml', 'ts', 'json']).default('yaml', 'yaml'),
    )
    .option('--force', 'replace a configuration that is there')
    .option('--dry-run', 'print it and write nothing')
    .action(async (options: InitOptions) => {
      const { init } = await import('./commands/init.ts')
      conclude(await init(options, context))
    })
  common(command).teach({
    examples: [
      { line: 'tierwise init', does: 'write tierwise.config.yaml' },
      { line: 'tierwise init --format ts', does: 'write tierwise.config.ts, with types' },
      { line: 'tierwise init --dry-run', does: 'see what would be written' },
    ],
    outcomes: ['written, or printed with --dry-run'],
  })
}

function addConfig(program: TaughtCommand, context: CommandContext, conclude: Conclude): void {
  const config = program.command('config').description('Check or print a configuration.') as TaughtCommand
  config.teach({
    examples: [
      { line: 'tierwise config check', does: 'find every mistake in it' },
      { line: 'tierwise config print --profile production', does: 'see what a profile comes to' },
    ],
  })
  const check = config
    .command('check')
    .description('Find every mistake in a configuration, with file, line and column.')
    .argument('[file]', 'the configuration; by default the one in this folder or its config/')
    .addOption(profileOption().conflicts('allProfiles'))
    .option('--all-profiles', 'check it as it is, and in every profile it has') as TaughtCommand
  check.action(async (file: string | undefined, options: CheckOptions) => {
    const { checkConfig } = await import('./commands/config-check.ts')
    conclude(await checkConfig(file, options, context))
  })
  common(check).teach({
    examples: [
      { line: 'tierwise config check', does: 'check the configuration of this folder' },
      {
        line: 'tierwise config check deploy/cache.yaml --all-profiles',
        does: 'check another one, in each of its profiles',
      },
      { line: 'tierwise config check --json', does: 'the same for an editor or a pipeline' },
    ],
    outcomes: ['no mistakes; there may be notices', 'mistakes, each in a line'],
  })
  const print = config
    .command('print')
    .description('Print what a configuration comes to: profile, preset and variables resolved, secrets masked.')
    .argument('[file]', 'the configuration; by default the one in this folder or its config/')
    .addOption(profileOption())
    .addOption(
      new Option('--format <format>', 'language of the answer').choices(['yaml', 'json']).default('yaml', 'yaml'),
    ) as TaughtCommand
  print.action(async (file: string | undefined, options: PrintOptions) => {
    const { printConfiguration } = await import('./commands/config-print.ts')
    conclude(await printConfiguration(file, options, context))
  })
  common(print).teach({
    examples: [
      { line: 'tierwise config print --profile production', does: 'what runs in production' },
      {
        line: 'diff <(tierwise config print --profile staging) <(tierwise config print --profile production)',
        does: 'what differs between two profiles',
      },
    ],
    outcomes: ['printed'],
  })
}

function addDoctor(program: TaughtCommand, context: CommandContext, conclude: Conclude): void {
  const command = program
    .command('doctor')
    .description(
      'Examine the servers, folders and databases that a configuration names, for what it needs of them. Reads only: no server is changed.',
    )
    .option('--config <file>', 'the configuration; by default the one in this folder or its config/')
    .addOption(profileOption())
    .option('--redis-conf <file>', 'write a commented redis.conf that fits, to a new file')
    .addOption(timeoutOption()) as TaughtCommand
  command.action(async (options: DoctorOptions) => {
    const { doctor } = await import('./commands/doctor.ts')
    conclude(await doctor(options, context))
  })
  common(command).teach({
    examples: [
      { line: 'tierwise doctor', does: 'examine what the configuration of this folder names' },
      { line: 'tierwise doctor --profile production --json', does: 'the same in production, for a pipeline' },
      { line: 'tierwise doctor --redis-conf redis.conf', does: 'write a redis.conf to read, change and use' },
    ],
    outcomes: ['no failure; there may be warnings and advice', 'a failure: something does not work, or not safely'],
  })
}

function addReport(program: TaughtCommand, context: CommandContext, conclude: Conclude): void {
  const command = program
    .command('report')
    .description(
      'Hold what Redis, the disk and PostgreSQL store against the policies of the configuration; or render the governance report of an application. Reads only.',
    )
    .option('--config <file>', 'the configuration; by default the one in this folder or its config/')
    .addOption(profileOption())
    .addOption(
      new Option('--input <file>', 'a governance report as JSON, to be rendered; - for stdin').conflicts('config'),
    )
    .addOption(
      new Option('--format <format>', 'language of the answer')
        .choices(['markdown', 'json'])
        .default('markdown', 'markdown'),
    )
    .addOption(
      new Option('--limit <items>', 'look at so many items of each tier')
        .default(100_000, '100000')
        .argParser(parseLimit),
    )
    .addOption(timeoutOption()) as TaughtCommand
  command.action(async (options: ReportOptions) => {
    const { report } = await import('./commands/report.ts')
    conclude(await report(options, context))
  })
  common(command).teach({
    examples: [
      { line: 'tierwise report', does: 'what is stored, by tier and namespace, and which rules it breaks' },
      {
        line: 'tierwise report --profile production --limit 10000 --json',
        does: 'a sample in production, for a pipeline',
      },
      {
        line: 'tierwise report --input governance.json > governance.md',
        does: 'make Markdown of what an application reported',
      },
    ],
    outcomes: ['no rule is broken', 'a rule is broken, or a tier could not be read'],
  })
}

function timeoutOption(): Option {
  return new Option('--timeout <duration>', 'for a connection, and for each answer')
    .default(5000, '5s')
    .argParser(parseTimeout)
}

function profileOption(): Option {
  return new Option('--profile <name>', 'profile to lay over it; else TIERWISE_PROFILE or NODE_ENV')
}

function parseTimeout(text: string): number {
  const milliseconds = millisecondsOf(/^\d+$/.test(text) ? Number(text) : text)
  if (milliseconds === undefined || milliseconds < 1 || milliseconds > 600_000)
    throw new InvalidArgumentError('Give a time such as 500ms or 5s, at most 10m.')
  return milliseconds
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError('Give a whole number from 1 on.')
  return limit
}

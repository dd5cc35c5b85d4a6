import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import type { ExitCode } from './exit-code.ts'
import { TaughtCommand } from './taught-command.ts'
import type { Terminal } from './terminal.ts'

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

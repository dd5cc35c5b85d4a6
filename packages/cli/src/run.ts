import { setMaxListeners } from 'node:events'
import { CommanderError } from 'commander'
import { exitCode, type ExitCode } from './exit-code.ts'
import { CommandFailure, messageOf } from './failure.ts'
import { createProgram, type CommandContext } from './program.ts'
import { createTerminal, type Terminal, type TerminalParts } from './terminal.ts'

export interface Surroundings extends TerminalParts {
  readonly cwd: string
}

/** Runs one command line to its end and answers the exit code; never rejects. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const terminal = createTerminal(surroundings)
  const interruption = new AbortController()
  // Every question to a server listens.
  setMaxListeners(0, interruption.signal)
  const interrupt = (): void => interruption.abort(new Error('interrupted'))
  // The first one lets the command close what it has open, the next one ends the process as always.
  process.once('SIGINT', interrupt)
  const { cwd, env } = surroundings
  let outcome: ExitCode = exitCode.ok
  const context: CommandContext = { cwd, env, terminal, signal: interruption.signal }
  try {
    await createProgram(context, (code) => (outcome = code)).parseAsync(args, { from: 'user' })
    return interruption.signal.aborted ? exitCode.interrupted : outcome
  } catch (error) {
    if (interruption.signal.aborted) return exitCode.interrupted
    return error instanceof CommanderError ? usageCode(error) : tell(error, args, terminal)
  } finally {
    process.off('SIGINT', interrupt)
    terminal.progress()
  }
}

/** The parser has said what is wrong. Help that was asked for is no fault, help instead of a command is one. */
function usageCode(error: CommanderError): ExitCode {
  const isAsked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
  return isAsked || error.exitCode === 0 ? exitCode.ok : exitCode.usage
}

function tell(error: unknown, args: readonly string[], terminal: Terminal): ExitCode {
  const { red, dim } = terminal.noteColors
  const { message, hint, exitCode: code } = failureOf(error)
  if (args.includes('--json')) terminal.print(JSON.stringify({ error: { message, hint } }, undefined, 2))
  terminal.note(`${red('error:')} ${message}`)
  if (hint !== undefined) terminal.note(hint)
  if (args.includes('--verbose')) terminal.note(dim(stackOf(error)))
  return code
}

/** What nobody foresaw is a failure too. */
function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  return new CommandFailure(messageOf(error), { hint: 'Run it with --verbose to see where this comes from.' })
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

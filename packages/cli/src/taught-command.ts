import { Command } from 'commander'

/** A line that a reader can copy, and what it does. */
export interface Example {
  readonly line: string
  readonly does: string
}

/** A command whose help shows examples and exit codes, and from which its reference is written. */
export class TaughtCommand extends Command {
  #examples: readonly Example[] = []
  #outcomes: readonly string[] = []

  override createCommand(name?: string): TaughtCommand {
    return new TaughtCommand(name)
  }

  get examples(): readonly Example[] {
    return this.#examples
  }

  /** What the exit codes 0 and 1 mean here; 2 and 3 mean the same everywhere. */
  get outcomes(): readonly string[] {
    return this.#outcomes
  }

  teach({ examples, outcomes = [] }: { examples: readonly Example[]; outcomes?: readonly string[] }): this {
    this.#examples = examples
    this.#outcomes = outcomes
    this.addHelpText('after', () => [examplesText(examples), outcomesText(outcomes)].filter(Boolean).join('\n'))
    return this
  }
}

function examplesText(examples: readonly Example[]): string {
  if (examples.length === 0) return ''
  const rows = examples.flatMap(({ line, does }) => [`  $ ${line}`, `      ${does}`])
  return `\nExamples:\n${rows.join('\n')}`
}

function outcomesText(outcomes: readonly string[]): string {
  if (outcomes.length === 0) return ''
  const rows = [...outcomes.map((text, code) => `  ${code}  ${text}`), '  2  wrong usage', '  3  it could not be done']
  return `\nExit codes:\n${rows.join('\n')}`
}

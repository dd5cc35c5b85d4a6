import { configurationLoader, loadConfiguration } from '../configuration.ts'
import { exitCode, type ExitCode } from '../exit-code.ts'
import { Library } from '../library.ts'
import type { CommandContext, PrintOptions } from '../program.ts'

/** `tierwise config print` */
export async function printConfiguration(
  file: string | undefined,
  options: PrintOptions,
  { cwd, env, terminal }: CommandContext,
): Promise<ExitCode> {
  const library = new Library(cwd)
  const loaded = await loadConfiguration({ file, profile: options.profile, cwd, env }, { library, terminal })
  const loader = await configurationLoader(library)
  if (options.json) {
    const config: unknown = JSON.parse(loader.printConfig(loaded, 'json'))
    const answer = { command: 'config print', file: loaded.file, profile: loaded.profile ?? null, config }
    terminal.print(JSON.stringify(answer, undefined, 2))
  } else terminal.print(loader.printConfig(loaded, options.format).trimEnd())
  return exitCode.ok
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCode, type ExitCode } from '../exit-code.ts'
import { CommandFailure, messageOf } from '../failure.ts'
import { detect, type Detected } from '../init/detect.ts'
import { draft, type Draft } from '../init/draft.ts'
import { renderDraft } from '../init/render-draft.ts'
import type { CommandContext, InitOptions } from '../program.ts'
import type { Terminal } from '../terminal.ts'

const extensions = ['ts', 'mts', 'js', 'mjs', 'json', 'yaml', 'yml']

/** `tierwise init` */
export async function init(options: InitOptions, { cwd, env, terminal }: CommandContext): Promise<ExitCode> {
  const detected = detect(cwd, env)
  const made = draft(detected)
  const content = renderDraft(made, options.format)
  const file = `tierwise.config.${options.format}`
  const isDryRun = options.dryRun === true
  if (!isDryRun) write(cwd, { file, content, force: options.force === true })
  if (options.json) {
    const answer = { command: 'init', file, written: !isDryRun, format: options.format, detected, content }
    terminal.print(JSON.stringify(answer, undefined, 2))
    return exitCode.ok
  }
  terminal.print(isDryRun ? content.trimEnd() : file)
  if (!isDryRun) tellNextSteps(terminal, { cwd, detected, made })
  return exitCode.ok
}

interface NewFile {
  readonly file: string
  readonly content: string
  readonly force: boolean
}

/** Never a second configuration: nobody could know which one counts. */
function write(cwd: string, { file, content, force }: NewFile): void {
  const others = existing(cwd).filter((path) => path !== file || !force)
  if (others.length > 0) {
    const isSame = others.includes(file)
    throw new CommandFailure(`There is a configuration already: ${others.join(', ')}`, {
      hint: isSame ? 'Replace it with --force, or see what would be written with --dry-run.' : 'Remove it first.',
    })
  }
  try {
    writeFileSync(join(cwd, file), content, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    throw new CommandFailure(`${file} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}

function existing(cwd: string): readonly string[] {
  const candidates = ['', 'config/'].flatMap((folder) => extensions.map((each) => `${folder}tierwise.config.${each}`))
  return candidates.filter((path) => existsSync(join(cwd, path)))
}

interface Written {
  readonly cwd: string
  readonly detected: Detected
  readonly made: Draft
}

function tellNextSteps(terminal: Terminal, { cwd, detected, made }: Written): void {
  const { bold } = terminal.noteColors
  const steps = [
    ...(detected.hasTierwise ? [] : ['npm install tierwise']),
    ...(detected.hasLmdb && !ignoresCache(cwd) ? ['add .cache/ to .gitignore: the disk tier lies there'] : []),
    ...made.needed.map((name) => `set ${name} where the profile production runs`),
    'tierwise config check --all-profiles',
    'tierwise doctor',
  ]
  terminal.note(bold('Next:'))
  for (const step of steps) terminal.note(`  ${step}`)
}

function ignoresCache(cwd: string): boolean {
  const path = join(cwd, '.gitignore')
  return existsSync(path) && /^\/?\.cache\b/m.test(readFileSync(path, 'utf8'))
}

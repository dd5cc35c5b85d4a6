import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface Ran {
  /** Null when a signal has ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Called once it has started, for tests that send it signals. */
  readonly onStart?: (child: { kill(signal: NodeJS.Signals): boolean }) => void
}

/** Nothing of the environment of the tests but what a program needs to start. */
const bareEnv = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() }

/** Runs the built program as its users do. */
export function runProgram(args: readonly string[], { cwd, env = {}, onStart }: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...bareEnv, ...env }, timeout: 30_000 })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }))
    onStart?.(child)
  })
}

/** A folder of a project with these files, by path. */
export function projectWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tierwise-cli-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

/** Installs tierwise in a project; a configuration in code imports it. */
export function withLibrary(folder: string): string {
  const manifest = createRequire(import.meta.url).resolve('tierwise/package.json')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(dirname(manifest), join(folder, 'node_modules/tierwise'))
  return folder
}

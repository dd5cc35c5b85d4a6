import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ConfigError } from '../../errors.ts'

/** A system user that a program runs as. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
  readonly user?: SystemUser | undefined
}

/** Path of the first of the programs found in the folders, by default those of PATH. */
export function findProgram(names: readonly string[], folders: readonly string[] = searchPath()): string | undefined {
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find((path) => isExecutable(path))
}

export function searchPath(): readonly string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
}

export function missingProgram(name: string, debianPackage: string): ConfigError {
  return new ConfigError(
    `The program ${name} is not installed. On Debian and Ubuntu: apt-get install ${debianPackage}`,
    { code: 'ERR_CACHE_PEER_MISSING' },
  )
}

/** Runs a program to its end and resolves to what it wrote to its standard output. */
export function runProgram(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...options.user,
    })
    let output = ''
    let complaints = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
    // A program that ends without reading its input has its own way to say what is wrong.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output)
      const reason = `${complaints}${output}`.trim()
      reject(new Error(`${nameOf(file)} ended with ${signal ?? `code ${code}`}: ${reason}`))
    })
  })
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'

/** A folder for temporary files that a server of another user can reach. */
export function makeTemporaryFolder(): string {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'tierwise-starter-'))
  chmodSync(path, 0o755)
  return path
}

/** Makes plain JavaScript of the starter, as Node 20 does not run TypeScript; returns its path. */
export async function bundleStarter(folder: string): Promise<string> {
  await build({
    configFile: false,
    root: join(import.meta.dirname, '../../..'),
    logLevel: 'error',
    build: {
      ssr: join(import.meta.dirname, 'children/starter.ts'),
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: 'starter.mjs' } },
    },
  })
  return join(folder, 'starter.mjs')
}

export interface Starter {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  /** Sent when it is about to start the first server. */
  readonly begins: Promise<unknown>
  /** Pids of the servers. */
  readonly started: Promise<readonly number[]>
}

export function runStarter(file: string, args: readonly string[], temporary: string): Starter {
  const child = fork(file, args, {
    execArgv: [],
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  return {
    process: child,
    ended,
    begins: messageOf(child, (message) => (message === 'begins' ? true : undefined)),
    started: messageOf(child, (message) => (Array.isArray(message) ? (message as readonly number[]) : undefined)),
  }
}

/** What servers have left in the folder; the template of PostgreSQL is meant to stay. */
export function leftIn(temporary: string): readonly string[] {
  return readdirSync(temporary).filter((name) => !name.startsWith('tierwise-postgres-template-'))
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

function messageOf<T>(child: ChildProcess, read: (message: unknown) => T | undefined): Promise<T> {
  const result = new Promise<T>((resolve, reject) => {
    child.on('message', (message) => {
      const value = read(message)
      if (value !== undefined) resolve(value)
    })
    child.on('exit', () => reject(new Error('The starter ended')))
  })
  // A test that kills the starter does not wait for all of its messages.
  result.catch(() => {})
  return result
}

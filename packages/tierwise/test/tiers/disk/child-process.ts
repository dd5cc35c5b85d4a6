import { fork, type ChildProcess, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { bundledProgram } from '../../bundled-program.ts'

/** The path of a program in `children`, as plain JavaScript. */
export function bundledChild(name: string): Promise<string> {
  return bundledProgram({ folder: join(import.meta.dirname, 'children'), name, external: ['lmdb'] })
}

export interface Child {
  readonly process: ChildProcess
  /** What it has sent so far. */
  readonly messages: unknown[]
  /** Resolves with the first message that fits, those of the past included; rejects when the child ends before. */
  message<T>(fits: (message: unknown) => message is T): Promise<T>
  /** Exit code and signal. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>
  readonly errors: () => string
}

export function startChild(file: string, args: readonly string[], options: ForkOptions = {}): Child {
  const child = fork(file, args, { ...options, execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  const messages: unknown[] = []
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.on('message', (message) => messages.push(message))
  const ended = once(child, 'close').then(
    ([code, signal]) => [code as number | null, signal as NodeJS.Signals | null] as const,
  )
  return {
    process: child,
    messages,
    ended,
    errors: () => errors,
    message: <T>(fits: (message: unknown) => message is T) =>
      new Promise<T>((resolve, reject) => {
        const look = (): void => {
          const found = messages.find(fits)
          if (found !== undefined) resolve(found)
        }
        child.on('message', look)
        void ended.then((end) => reject(new Error(`the child ended (${end.join()}): ${errors}`)))
        look()
      }),
  }
}

export function isWord<W extends string>(word: W): (message: unknown) => message is W {
  return (message): message is W => message === word
}

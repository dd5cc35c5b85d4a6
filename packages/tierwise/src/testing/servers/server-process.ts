import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { SystemUser } from './program.ts'
import { until } from './until.ts'

export interface ServerCommand {
  /** Short name for errors. */
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  /** The server works in this folder of its own; `log` and `pid` are written there. */
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  readonly user?: SystemUser | undefined
  /** Appears in the log once the server can be used. */
  readonly ready: RegExp
  readonly timeoutMs?: number
}

/** The shell writes down its pid and becomes the server, so no moment exists in which the server's pid is unknown. */
const becomeServer = 'echo $$ >pid && exec "$@"'

/** A server ended before it could be used; `log` is what it wrote. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError'
  readonly log: string

  constructor(server: string, log: string) {
    super(`${server} did not start:\n${log.trim() || '(it wrote nothing)'}`)
    this.log = log
  }
}

/** Somebody else took the port between the look at it and the start. */
export function portWasTaken(error: unknown): boolean {
  return error instanceof ServerStartError && error.log.includes('Address already in use')
}

/** One server, which can be started again after it has ended. */
export class ServerProcess {
  readonly #command: ServerCommand
  readonly #logPath: string
  #child: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
    this.#logPath = join(command.folder, 'log')
  }

  /** Undefined while the server is down. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  log(): Promise<string> {
    return this.#logSince(0)
  }

  /** Resolves when the server can be used. Rejects with `ServerStartError` when it ends before. */
  async start(): Promise<void> {
    if (this.#child) throw new Error(`${this.#command.name} is running already`)
    const { child, logged } = await this.#spawn()
    try {
      await until(async () => !this.isRunning || this.#command.ready.test(await this.#logSince(logged)), {
        what: `the start of ${this.#command.name}`,
        timeoutMs: this.#command.timeoutMs ?? 20_000,
        everyMs: 4,
        explain: () => this.#logSince(logged),
      })
    } catch (error) {
      await this.end('SIGKILL')
      throw error
    }
    if (!this.isRunning) throw new ServerStartError(this.#command.name, await this.#logSince(logged))
    child.unref()
  }

  /** Sends the signal and resolves when the server has ended. Does nothing when it is down. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child) return
    child.ref()
    const exit = once(child, 'exit')
    child.kill(signal)
    // A server that was paused receives no other signal than SIGKILL until it goes on.
    child.kill('SIGCONT')
    await exit
  }

  /** Sends a signal without waiting for anything. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#child) throw new Error(`${this.#command.name} is not running`)
    this.#child.kill(signal)
  }

  async #spawn(): Promise<{ readonly child: ChildProcess; readonly logged: number }> {
    const { name, file, args, folder, env, user } = this.#command
    const log = openSync(this.#logPath, 'a', 0o644)
    const logged = fstatSync(log).size
    const child = spawn('/bin/sh', ['-c', becomeServer, name, file, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      // Signals for this process and its group do not reach the server: tests decide when it ends.
      detached: true,
      ...user,
    })
    closeSync(log)
    await once(child, 'spawn')
    this.#child = child
    child.once('exit', () => {
      this.#child = undefined
    })
    return { child, logged }
  }

  async #logSince(position: number): Promise<string> {
    const file = await open(this.#logPath)
    try {
      const { size } = await file.stat()
      const { buffer } = await file.read({ buffer: Buffer.alloc(Math.max(0, size - position)), position })
      return buffer.toString('utf8')
    } finally {
      await file.close()
    }
  }
}

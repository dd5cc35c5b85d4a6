import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TcpProxy } from '../../src/testing/tcp-proxy.ts'
import type { MemberCalls, MemberSettings, SourceCalls } from './calls.ts'
import { Wire, type Handlers } from './wire.ts'

/** What is the same in all lives of a member. */
export interface MemberPlace {
  readonly index: number
  /** Path of the program. */
  readonly program: string
  /** Between the member and its server; clusters and Sentinels give out addresses of their own. */
  readonly proxy: TcpProxy | undefined
  readonly settings: (life: number) => MemberSettings
  readonly handlers: (member: string) => Handlers<SourceCalls>
  /** A life that was ended, before anything else happens. */
  readonly ended: (member: string) => Promise<void>
}

interface Life {
  readonly name: string
  readonly process: ChildProcess
  readonly wire: Wire<MemberCalls>
  readonly ended: Promise<unknown>
}

/** One place in the fleet: a process that may be killed, after which another one takes its place. */
export class Member {
  readonly index: number
  readonly proxy: TcpProxy | undefined
  /** What processes that end by themselves have said. */
  readonly errors: string[] = []
  readonly #place: MemberPlace
  #life: Life
  #lives = 0
  #isStopped = false
  #isEnding = false
  #isClosed = false

  constructor(place: MemberPlace) {
    this.index = place.index
    this.proxy = place.proxy
    this.#place = place
    this.#life = this.#begin()
  }

  get name(): string {
    return this.#life.name
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  ask<K extends keyof MemberCalls>(name: K, body: Parameters<MemberCalls[K]>[0]): Promise<ReturnType<MemberCalls[K]>> {
    return this.#life.wire.ask(name, body)
  }

  /** Stops the process where it is, for a while. */
  async freeze(forMs: number): Promise<void> {
    this.#isStopped = true
    this.#life.process.kill('SIGSTOP')
    await sleep(forMs)
    this.#life.process.kill('SIGCONT')
    this.#isStopped = false
  }

  /** Ends the process without a warning and begins another one. */
  async replace(): Promise<void> {
    const { name } = this.#life
    await this.#end()
    // What the dead one has sent does not arrive later.
    this.proxy?.cut()
    await this.#place.ended(name)
    if (this.#isClosed) return
    this.#isEnding = false
    this.#life = this.#begin()
  }

  async stop(): Promise<void> {
    this.#isClosed = true
    await this.#end()
  }

  async #end(): Promise<void> {
    this.#isEnding = true
    this.#life.process.kill('SIGKILL')
    await this.#life.ended
    this.#life.wire.close()
  }

  #begin(): Life {
    const life = ++this.#lives
    const name = `m${this.#place.index}.${life}`
    const child = fork(this.#place.program, [JSON.stringify(this.#place.settings(life))], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)))
    const ended = once(child, 'close').then(([code, signal]) => {
      if (!this.#isEnding) this.errors.push(`${name} ended by itself (${String(code ?? signal)}): ${errors}`)
    })
    return { name, process: child, ended, wire: new Wire<MemberCalls>(child, this.#place.handlers(name)) }
  }
}

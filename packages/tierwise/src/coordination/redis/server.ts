import type { RedisArgument, RedisPort, RedisReply } from '../../clients/redis/port.ts'
import { TierError } from '../../errors.ts'
import { refusedStep, stepError } from './refusal.ts'
import type { StepScript } from './step-script.ts'

/** Sends a step of a key. */
export type RunStep = (step: StepScript, key: string, args: readonly string[]) => Promise<RedisReply>

export interface ServerParts {
  readonly name: string
  readonly prefix: string
  readonly port: RedisPort
}

/** The connection that steps are sent over. It opens with the first of them, and stays closed once it was closed. */
export class CoordinationServer {
  readonly name: string
  /** What keys and channels start with; no key of a tier does. */
  readonly start: string
  readonly #port: RedisPort
  #isOpen = false
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor({ name, prefix, port }: ServerParts) {
    this.name = name
    this.start = `${prefix}:c:`
    this.#port = port
  }

  /** Sends a script that is one step. Nothing is sent twice: a step whose answer was lost may have been taken. */
  async run({ operation, script }: StepScript, key: string, args: readonly string[]): Promise<RedisReply> {
    const step = { store: this.name, operation, key }
    if (!key.isWellFormed() || !args.every((text) => text.isWellFormed()))
      throw refusedStep(step, 'was given a text with half of a surrogate pair, which no bytes can carry')
    const port = this.#isOpen ? this.#port : await this.opened(operation)
    try {
      return await script.run(port, [this.start + key], args)
    } catch (error) {
      throw this.#closing === undefined ? stepError(step, error) : this.closedError(operation)
    }
  }

  /** Sends a command without a key. */
  async send(operation: string, args: readonly RedisArgument[]): Promise<void> {
    const port = await this.opened(operation)
    try {
      await port.send({ args })
    } catch (error) {
      throw this.#closing === undefined
        ? stepError({ store: this.name, operation }, error)
        : this.closedError(operation)
    }
  }

  async opened(operation: string): Promise<RedisPort> {
    if (this.#closing !== undefined) throw this.closedError(operation)
    try {
      await (this.#opening ??= this.#port.connect())
    } catch (error) {
      this.#opening = undefined
      throw this.#closing === undefined
        ? stepError({ store: this.name, operation }, error)
        : this.closedError(operation)
    }
    if (this.#closing !== undefined) throw this.closedError(operation)
    this.#isOpen = true
    return this.#port
  }

  close(): Promise<void> {
    this.#isOpen = false
    this.#closing ??= this.#port.close()
    return this.#closing
  }

  closedError(operation: string): TierError {
    const { name: tier } = this
    const fields = { code: 'ERR_CACHE_TIER_CLOSED', operation, tier } as const
    return new TierError(`Coordination store \`${tier}\` was closed.`, fields)
  }
}

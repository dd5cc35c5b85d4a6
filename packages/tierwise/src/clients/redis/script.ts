import { createHash } from 'node:crypto'
import type { RedisArgument, RedisPort, RedisReply } from './port.ts'

/** A Lua script that is called by its digest; a server that does not know it (restarted, flushed, promoted) is told. */
export class Script {
  readonly #source: string
  readonly #digest: string

  constructor(source: string) {
    this.#source = source
    this.#digest = createHash('sha1').update(source).digest('hex')
  }

  /** All keys are in one slot. */
  async run(port: RedisPort, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const [key] = keys
    const rest = [String(keys.length), ...keys, ...args]
    const send = (command: string, script: string): Promise<RedisReply> =>
      port.send(key === undefined ? { args: [command, script, ...rest] } : { args: [command, script, ...rest], key })
    try {
      return await send('EVALSHA', this.#digest)
    } catch (error) {
      // Nothing has run yet, and EVAL also loads the script for those that come after.
      if (!isErrorReply(error, 'NOSCRIPT')) throw error
      return send('EVAL', this.#source)
    }
  }
}

/** Whether a command was refused with an error that starts with `word`. */
function isErrorReply(error: unknown, word: string): boolean {
  return error instanceof Error && error.message.startsWith(word)
}

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, missingProgram, runProgram } from './program.ts'

/** An installed server that speaks the protocol of Redis, with its command line client. */
export interface RedisBinary {
  readonly kind: 'redis' | 'valkey'
  /** Path of `redis-server` or `valkey-server`. */
  readonly server: string
  /** Path of `redis-cli` or `valkey-cli`. */
  readonly cli: string
}

/** The servers found on PATH, Redis first. A suite that runs for each of them covers what is installed. */
export function availableRedisBinaries(): readonly RedisBinary[] {
  return (['redis', 'valkey'] as const).flatMap((kind) => {
    const server = findProgram([`${kind}-server`])
    const cli = server === undefined ? undefined : clientBeside(server, kind)
    return server === undefined || cli === undefined ? [] : [{ kind, server, cli }]
  })
}

/** The first installed server. Throws a `ConfigError` with `ERR_CACHE_PEER_MISSING` when there is none. */
export function redisBinary(): RedisBinary {
  const [first] = availableRedisBinaries()
  if (first) return first
  throw missingProgram('redis-server', 'redis-server')
}

/** Path of the command line client alone, which talks to a server that somebody else runs. */
export function redisClientProgram(): string {
  const found = findProgram(['redis-cli', 'valkey-cli'])
  if (found !== undefined) return found
  throw missingProgram('redis-cli', 'redis-tools')
}

/** Version as the server prints it: `7.0.15`. */
export async function redisVersion(binary: RedisBinary): Promise<string> {
  const printed = await runProgram(binary.server, ['--version'])
  const version = /\bv=(\S+)/.exec(printed)?.[1]
  if (version === undefined) throw new Error(`${binary.server} prints no version: ${printed}`)
  return version
}

function clientBeside(server: string, kind: RedisBinary['kind']): string | undefined {
  const beside = join(dirname(server), `${kind}-cli`)
  return existsSync(beside) ? beside : findProgram([`${kind}-cli`])
}

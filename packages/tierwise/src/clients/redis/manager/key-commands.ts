import { parseDuration, parseLifetime } from '../../../base/duration.ts'
import { optionError } from '../../../base/option-reader.ts'
import type { Duration, Lifetime } from '../../../contract/options.ts'
import { ConfigError, KeyError, ValueError } from '../../../errors.ts'
import type { RedisArgument, RedisReply } from '../port.ts'
import type { Call, CommandRunner } from './command-runner.ts'
import { listOf, textOf } from './reply.ts'

/** What is stored: text as UTF-8, or bytes as they are. */
export type RedisValue = string | Uint8Array

export interface RedisSetOptions {
  /** Life of the key. @default forever */
  readonly ttl?: Lifetime
  /** Only when the key is absent. */
  readonly nx?: boolean
  /** Only when the key is present. */
  readonly xx?: boolean
}

export interface RedisSetManyOptions {
  /** Life of every key. @default forever */
  readonly ttl?: Lifetime
}

/** So that one command does not hold up the server for long. */
const keysPerCommand = 512

/** Turns verbs into commands. Plain keys and plain values: nothing is added to them. */
export class KeyCommands {
  readonly #runner: CommandRunner
  readonly #isCluster: () => boolean

  constructor(runner: CommandRunner, isCluster: () => boolean) {
    this.#runner = runner
    this.#isCluster = isCluster
  }

  async get(key: string): Promise<RedisReply> {
    return this.#one('get', ['GET', checkKey(key)], true)
  }

  async set(key: string, value: RedisValue, { ttl, nx, xx }: RedisSetOptions): Promise<boolean> {
    if (nx === true && xx === true) throw optionError('set.xx', true, 'absent when nx is given')
    const condition = nx === true ? ['NX'] : xx === true ? ['XX'] : []
    const args = ['SET', checkKey(key), checkValue(value), ...expiryOf(ttl, 'set.ttl'), ...condition]
    return textOf(await this.#one('set', args, false)) === 'OK'
  }

  async delete(keys: readonly string[]): Promise<number> {
    const replies = await this.#many('delete', 'UNLINK', keys)
    return replies.reduce((sum: number, reply) => sum + Number(reply), 0)
  }

  async exists(key: string): Promise<boolean> {
    return Number(await this.#one('exists', ['EXISTS', checkKey(key)], true)) === 1
  }

  async expire(key: string, ttl: Duration): Promise<boolean> {
    const ms = parseDuration(ttl)
    if (ms === undefined) throw optionError('expire.ttl', ttl, "a positive number of milliseconds or a text like '30s'")
    return Number(await this.#one('expire', ['PEXPIRE', checkKey(key), wholeMs(ms)], false)) === 1
  }

  async ttl(key: string): Promise<number | undefined> {
    const left = Number(await this.#one('ttl', ['PTTL', checkKey(key)], true))
    if (left === -1) return Infinity
    return left < 0 ? undefined : left
  }

  async mget(keys: readonly string[]): Promise<readonly RedisReply[]> {
    if (this.#isCluster()) return this.#many('mget', 'GET', keys)
    return (await this.#many('mget', 'MGET', keys)).flatMap((reply) => listOf(reply))
  }

  async mset(entries: readonly (readonly [string, RedisValue])[], { ttl }: RedisSetManyOptions): Promise<void> {
    const expiry = expiryOf(ttl, 'mset.ttl')
    const pairs = entries.map(([key, value]) => [checkKey(key), checkValue(value)] as const)
    if (pairs.length === 0) return
    const commands =
      this.#isCluster() || expiry.length > 0
        ? pairs.map(([key, value]) => ({ key, args: ['SET', key, value, ...expiry] }))
        : chunksOf(pairs).map((chunk) => ({ key: chunk[0]?.[0] ?? '', args: ['MSET', ...chunk.flat()] }))
    await this.#runner.run({ operation: 'mset', commands, isRead: false })
  }

  async add(operation: 'increment' | 'decrement', key: string, amount: number): Promise<number> {
    if (!Number.isSafeInteger(amount)) throw optionError(`${operation}.amount`, amount, 'a whole number')
    const command = operation === 'increment' ? 'INCRBY' : 'DECRBY'
    return Number(await this.#one(operation, [command, checkKey(key), String(amount)], false))
  }

  async #one(operation: string, args: readonly RedisArgument[], isRead: boolean): Promise<RedisReply> {
    const commands = [{ args, key: String(args[1]) }]
    return (await this.#runner.run({ operation, commands, isRead }))[0] ?? null
  }

  /** One command for many keys on one server; one for each key on a cluster, where their slots differ. */
  async #many(operation: string, command: string, keys: readonly string[]): Promise<readonly RedisReply[]> {
    const checked = keys.map((key) => checkKey(key))
    if (checked.length === 0) return []
    const groups = this.#isCluster() ? checked.map((key) => [key]) : chunksOf(checked)
    const commands: Call['commands'] = groups.map((group) => ({ args: [command, ...group], key: group[0] ?? '' }))
    return this.#runner.run({ operation, commands, isRead: operation === 'mget' })
  }
}

function checkKey(key: unknown): string {
  if (typeof key === 'string' && key !== '') return key
  const found = typeof key === 'string' ? 'empty' : `of type ${typeof key}`
  throw new KeyError(`A Redis key is ${found}; it must be a text that is not empty`, { code: 'ERR_CACHE_KEY' })
}

function checkValue(value: unknown): RedisValue {
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  if (value === undefined)
    throw new ValueError('A Redis value is undefined; store a text or bytes, or delete the key', {
      code: 'ERR_CACHE_VALUE_UNDEFINED',
    })
  throw new ConfigError(`A Redis value is of type ${typeof value}; it must be a text or bytes`, {
    code: 'ERR_CACHE_OPTION',
  })
}

function expiryOf(ttl: Lifetime | undefined, path: string): readonly string[] {
  if (ttl === undefined) return []
  const ms = parseLifetime(ttl)
  if (ms === undefined)
    throw optionError(path, ttl, "a positive number of milliseconds, a text like '30s' or '5m', or 'forever'")
  return ms === Infinity ? [] : ['PX', wholeMs(ms)]
}

/** A key that lives less than a millisecond would not be stored at all. */
function wholeMs(ms: number): string {
  return String(Math.ceil(ms))
}

function chunksOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / keysPerCommand)
  return Array.from({ length: count }, (_, index) => items.slice(index * keysPerCommand, (index + 1) * keysPerCommand))
}

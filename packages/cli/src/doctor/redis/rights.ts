import { pairsOf, textOf, type Reply } from './reply.ts'

/** What the own user may do of what tierwise needs. */
export interface Rights {
  /** Undefined when the server does not say who that is. */
  readonly user: string | undefined
  /** Commands that are refused; undefined when that cannot be asked. */
  readonly missing: readonly string[] | undefined
}

export interface RightsSubject {
  /** First part of every key. */
  readonly prefix: string
  readonly isCluster: boolean
  /** Whether the tier hears of what other code changes. */
  readonly tracks: boolean
}

type Tell = (...args: readonly string[]) => Promise<Reply | undefined>

/**
 * Asks the server what it would say to each command, which runs none of them: ACL DRYRUN, from version 7 on. The rules
 * of an all-powerful user answer for all of them.
 */
export async function readRights(tell: Tell, subject: RightsSubject): Promise<Rights> {
  const user = textOf(await tell('ACL', 'WHOAMI'))
  if (user === undefined) return { user: undefined, missing: undefined }
  if (isAllPowerful(await tell('ACL', 'GETUSER', user))) return { user, missing: [] }
  const commands = neededCommands(subject)
  const verdicts = await Promise.all(commands.map((command) => tell('ACL', 'DRYRUN', user, ...command)))
  if (verdicts.includes(undefined)) return { user, missing: undefined }
  const refused = commands.filter((_, index) => textOf(verdicts[index]) !== 'OK')
  return { user, missing: [...new Set(refused.map(nameOf))] }
}

function isAllPowerful(rules: Reply | undefined): boolean {
  const pairs = pairsOf(rules)
  const flags = pairs.get('flags')
  const words = Array.isArray(flags) ? flags.map((flag) => textOf(flag as Reply)) : []
  return ['allkeys', 'allchannels', 'allcommands'].every((flag) => words.includes(flag)) || hasAll(pairs)
}

/** From version 7 on the flags say less, the rules say all. */
function hasAll(pairs: ReadonlyMap<string, Reply>): boolean {
  const [commands, keys, channels] = ['commands', 'keys', 'channels'].map((name) => textOf(pairs.get(name)))
  return commands === '+@all' && keys === '~*' && channels === '&*'
}

/** Every command that the tier sends, with arguments of the right number, as the guide lists them. */
function neededCommands({ prefix, isCluster, tracks }: RightsSubject): readonly (readonly string[])[] {
  const lane = isCluster ? `{${prefix}:0}` : ''
  const [record, beside, tags] = [`${lane}${prefix}:1:x:x`, `${lane}~${prefix}:1:x:x`, `{${prefix}:tags}`]
  const [head, log, channel] = [`{${prefix}:0}:lane`, `{${prefix}:0}:log`, `{${prefix}:0}:bus`]
  return [
    ['GET', record],
    ['MGET', record],
    ['SET', record, 'x'],
    ['UNLINK', record],
    ['DEL', record],
    ['GETRANGE', record, '0', '1'],
    ['SETRANGE', record, '0', 'x'],
    ['EXISTS', record],
    ['PTTL', record],
    ['PEXPIRE', record, '1'],
    ['PERSIST', tags],
    ['ZADD', tags, '1', 'x'],
    ['ZSCORE', tags, 'x'],
    ['ZRANGEBYSCORE', tags, '0', '1'],
    ['HGET', beside, 'x'],
    ['HGETALL', beside],
    ['HMGET', beside, 'x'],
    ['HSET', beside, 'x', 'x'],
    ['HSETNX', beside, 'x', 'x'],
    ['HDEL', beside, 'x'],
    ['HINCRBY', head, 'x', '1'],
    ['HSCAN', head, '0'],
    ['HLEN', head],
    ['XADD', log, '*', 'x', 'x'],
    ['XRANGE', log, '-', '+'],
    ['PUBLISH', channel, 'x'],
    ['SUBSCRIBE', channel],
    ['SCAN', '0'],
    ['DBSIZE'],
    ['TIME'],
    ['INFO'],
    ['EVAL', 'return 1', '0'],
    ['EVALSHA', 'x', '0'],
    ...(isCluster ? clusterCommands(prefix) : []),
    ...(tracks ? [['CLIENT', 'TRACKING', 'ON']] : []),
  ]
}

function clusterCommands(prefix: string): readonly (readonly string[])[] {
  return [
    ['CLUSTER', 'SHARDS'],
    ['CLUSTER', 'SLOTS'],
    ['SPUBLISH', `{${prefix}:0}:bus`, 'x'],
    ['SSUBSCRIBE', `{${prefix}:0}:bus`],
  ]
}

function nameOf([name = '', sub = '']: readonly string[]): string {
  return ['CLUSTER', 'CLIENT'].includes(name) ? `${name} ${sub}` : name
}

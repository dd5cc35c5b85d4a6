import type { Configuration } from '../../configuration.ts'
import { sizeText } from '../../units.ts'
import { tiersOf, type ConfiguredTier } from '../configured-tier.ts'
import { redisNeeds, type RedisNeeds } from './needs.ts'

/** A line of redis.conf and why it is there. */
interface Directive {
  readonly why: string
  readonly line: string
}

/** The `redis.conf` that fits each Redis tier of a configuration; undefined where there is none. */
export function redisConf(configuration: Configuration): string | undefined {
  const tiers = tiersOf(configuration).filter(({ type }) => type === 'redis')
  if (tiers.length === 0) return undefined
  return tiers.map((tier) => sectionOf(tier, redisNeeds(tier, configuration))).join('\n')
}

function sectionOf({ name }: ConfiguredTier, needs: RedisNeeds): string {
  const lines = directives(needs).map(({ why, line }) => `# ${why}\n${line}\n`)
  return [
    `# Redis or Valkey 6.2 or newer, for the tier \`${name}\` of tierwise. Written by \`tierwise doctor --redis-conf\`,`,
    '# which never changes a server: read it, change it, and include it yourself.',
    '',
    ...lines,
  ].join('\n')
}

function directives(needs: RedisNeeds): readonly Directive[] {
  return [...memory(needs), ...persistence(needs), ...replication(needs), ...network(needs), ...access(needs)]
}

const assumedBytes = 2 * 1024 ** 3

function memory({ coherent, endless }: RedisNeeds): readonly Directive[] {
  const kept = coherent.length > 0 ? 'the log of changes and the marks of tags' : 'the marks of tags'
  const warning = endless.length > 0 ? ` Entries of ${endless.join(', ')} have no end: these are never evicted.` : ''
  return [
    {
      why: `What the data may take (${sizeText(assumedBytes)} here): about three quarters of what the host can spare.`,
      line: 'maxmemory 2gb',
    },
    {
      why: `When it is full, evict what was used least lately among keys with an end. allkeys-* could evict ${kept}.${warning}`,
      line: 'maxmemory-policy volatile-lru',
    },
    {
      why: 'Free the memory of evicted and expired keys in a thread, so that large values hold nobody up.',
      line: 'lazyfree-lazy-eviction yes',
    },
    { why: 'The same for keys that have expired.', line: 'lazyfree-lazy-expire yes' },
  ]
}

function persistence({ coherent }: RedisNeeds): readonly Directive[] {
  const why =
    coherent.length > 0 ? 'An empty server makes every instance empty its memory: ' : 'A cold cache costs loads: '
  return [
    {
      why: `${why}log every write, synced once a second, so that a restart loses at most that.`,
      line: 'appendonly yes',
    },
    { why: 'Once a second: `always` is slow, `no` loses up to half a minute.', line: 'appendfsync everysec' },
    { why: 'Rewrite the log when it has doubled.', line: 'auto-aof-rewrite-percentage 100' },
    {
      why: 'Snapshots beside it: after 15 minutes with a change, 5 with ten, one with 10,000.',
      line: 'save 900 1 300 10 60 10000',
    },
    {
      why: 'A cache goes on writing when a snapshot fails; watch rdb_last_bgsave_status instead.',
      line: 'stop-writes-on-bgsave-error no',
    },
  ]
}

function replication({ topology }: RedisNeeds): readonly Directive[] {
  if (topology === 'single') return []
  const cluster: readonly Directive[] = [
    { why: 'A node of a cluster.', line: 'cluster-enabled yes' },
    {
      why: 'Go on with the slots that are there when others have no primary.',
      line: 'cluster-require-full-coverage no',
    },
  ]
  return [
    {
      why: 'A primary that was cut off stops confirming changes which the next one would not know...',
      line: 'min-replicas-to-write 1',
    },
    { why: '...once no replica was heard of for so many seconds.', line: 'min-replicas-max-lag 10' },
    ...(topology === 'cluster' ? cluster : []),
  ]
}

function network({ tracks }: RedisNeeds): readonly Directive[] {
  const tracking = tracks ? ' `tracking` uses client tracking, which needs nothing here.' : ''
  return [
    { why: 'Refuse strangers where no password is set.', line: 'protected-mode yes' },
    { why: 'Connections of a cache are kept; dead ones are found by TCP.', line: 'timeout 0' },
    { why: 'Look for dead connections each minute.', line: 'tcp-keepalive 60' },
    {
      why: `No notifications about keys: they cost time, and tierwise does not use them.${tracking}`,
      line: 'notify-keyspace-events ""',
    },
    {
      why: 'An instance that stops reading the log of changes is cut off before it takes the memory of all.',
      line: 'client-output-buffer-limit pubsub 32mb 8mb 60',
    },
  ]
}

/** The user is commented out: a password has to be chosen first. */
function access({ prefix, topology, tracks }: RedisNeeds): readonly Directive[] {
  const sharded = topology === 'cluster' ? ' +spublish +ssubscribe' : ''
  const tracking = tracks ? ' &__redis__:invalidate' : ''
  const keys = `~${prefix}:* ~~${prefix}:* ~{${prefix}:* &{${prefix}:*${tracking}`
  const commands =
    '+@connection +get +mget +set +unlink +del +getrange +setrange +zadd +zscore +zrangebyscore +hget +hgetall +hmget +hset +hsetnx ' +
    '+hincrby +hdel +hscan +hlen +xadd +xrange +publish +subscribe +persist +pexpire +pttl +exists +scan +dbsize +time +info +evalsha +eval +cluster'
  return [
    {
      why: 'A user with the rights that tierwise needs and no more: choose a long password, and remove the #. Raw namespaces need their own keys.',
      line: `# user cache on >CHOOSE-A-LONG-PASSWORD ${keys} ${commands}${sharded}`,
    },
    { why: 'Then nobody else comes in.', line: '# user default off' },
  ]
}

/** The structural types of handed-in Redis clients against the real packages. Checked by the compiler; never run. */
import * as ioredis from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as nodeRedis from 'redis'
import * as nodeRedis5 from 'redis-5'
import { adoptRedisClient } from '../../src/clients/redis/adopt-client.ts'
import type {
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
} from '../../src/clients/redis/client-shapes.ts'

const nodes = [{ host: 'localhost', port: 7000 }]
const rootNodes = [{ url: 'redis://localhost:7000' }]
const sentinelRootNodes = [{ host: 'localhost', port: 26_379 }]

void ([new ioredis.Redis(), new ioredis5.Redis(), new iovalkey.Redis()] satisfies IoredisClient[])
void ([new ioredis.Cluster(nodes), new ioredis5.Cluster(nodes), new iovalkey.Cluster(nodes)] satisfies IoredisCluster[])
void ([
  nodeRedis.createClient(),
  nodeRedis.createClient({ RESP: 2 }),
  nodeRedis.createClient({ RESP: 3 }),
  nodeRedis5.createClient(),
  nodeRedis5.createClient({ RESP: 3 }),
] satisfies NodeRedisClient[])
void ([nodeRedis.createCluster({ rootNodes }), nodeRedis5.createCluster({ rootNodes })] satisfies NodeRedisCluster[])
void ([
  nodeRedis.createSentinel({ name: 'main', sentinelRootNodes }),
  nodeRedis5.createSentinel({ name: 'main', sentinelRootNodes }),
] satisfies NodeRedisSentinel[])

adoptRedisClient(new ioredis.Redis())
adoptRedisClient(new iovalkey.Cluster(nodes))
adoptRedisClient(nodeRedis.createClient())
adoptRedisClient(nodeRedis5.createSentinel({ name: 'main', sentinelRootNodes }))

// @ts-expect-error a map is no client
adoptRedisClient(new Map<string, string>())
// @ts-expect-error nor are the options of one
adoptRedisClient({ host: 'localhost', port: 6379 })
// @ts-expect-error nor is the class instead of an instance
void (ioredis.Redis satisfies RedisClient)
// @ts-expect-error a pipeline cannot connect
void (new ioredis.Redis().pipeline() satisfies RedisClient)

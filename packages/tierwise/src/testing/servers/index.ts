export { availableRedisBinaries, redisBinary, redisVersion, type RedisBinary } from './redis-binary.ts'
export { type CertificateOptions } from './certificates.ts'
export {
  startRedis,
  type RedisServer,
  type RedisServerOptions,
  type RedisTls,
  type RedisTlsOptions,
} from './redis-server.ts'
export { startPostgres, type PostgresServer, type PostgresServerOptions } from './postgres-server.ts'
export {
  startRedisCluster,
  type MoveSlotOptions,
  type RedisCluster,
  type RedisClusterOptions,
} from './redis-cluster.ts'
export { startRedisSentinel, type RedisSentinel, type RedisSentinelOptions } from './redis-sentinel.ts'
export { type SlotMigration } from './slot-move.ts'
export {
  promtool,
  startPrometheus,
  type PrometheusAlert,
  type PrometheusServer,
  type PrometheusServerOptions,
  type PrometheusValue,
} from './prometheus-server.ts'

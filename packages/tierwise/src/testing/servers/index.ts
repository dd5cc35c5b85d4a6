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

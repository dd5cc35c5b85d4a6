export type { RedisCoordinationOptions } from './options.ts'
export { redisCoordination } from './redis-coordination.ts'

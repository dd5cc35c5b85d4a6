export { embeddingCacheMiddleware } from './embedding-model.ts'
export type { EmbeddingCacheMiddleware, EmbeddingCacheMiddlewareOptions } from './embedding-model.ts'
export { cacheMiddleware } from './language-model.ts'
export type { CacheMiddleware, CacheMiddlewareOptions, CallCaching, SpecificationVersion } from './language-model.ts'

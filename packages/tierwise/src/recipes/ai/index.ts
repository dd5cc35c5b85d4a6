export { createKeyGenerator } from './key-generator.ts'
export type {
  KeyGenerator,
  KeyGeneratorOptions,
  KeyMade,
  KeyParts,
  LegiblePart,
  StreamedKeyParts,
  StreamedText,
} from './key-generator.ts'
export { createLegacyKeyGenerator } from './legacy-keys.ts'
export type { LegacyKeyOptions, LegacyKeyParts } from './legacy-keys.ts'
export { decodeLegacy } from './legacy-reader.ts'
export type { LegacyOptions } from './legacy-reader.ts'
export type { TextTier, TextTierLimits, TextTierOptions } from './operations.ts'
export { aiResponseCache } from './response-cache.ts'
export type { AnswerSource, ModelUsage, OperationCounters } from './statistics.ts'
export type {
  AiInvalidation,
  AiRequest,
  AiResponse,
  AiResponseCache,
  AiResponseCacheOptions,
  AiStream,
  ModelCall,
  StreamOptions,
} from './types.ts'
export { embeddingsCache } from '../embeddings.ts'
export type { Embed, EmbeddingsCache, EmbeddingsCacheOptions, EmbedOptions } from '../embeddings.ts'

export { recommend, type Advised } from './recommendations.ts'
export { keyFamily } from '../base/key-family.ts'
export {
  detailedStats,
  unifiedCacheStats,
  type DetailedStats,
  type NamespaceHits,
  type UnifiedCacheStats,
} from './shapes.ts'

export { installInvalidationTriggers, invalidationTriggersSql, removeInvalidationTriggers } from './change-triggers.ts'
export type { InvalidationTriggers } from './change-triggers.ts'
export { listenForInvalidations } from './invalidation-listener.ts'
export type {
  InvalidationCounts,
  InvalidationListener,
  InvalidationListenerOptions,
  InvalidationNotice,
} from './invalidation-listener.ts'
export { postgresViews } from './postgres-views.ts'
export type { PostgresViews } from './postgres-views.ts'
export { postgresViewsSql } from './refresh-record.ts'
export type { PostgresRelation } from './relation.ts'
export type { PostgresViewKey } from './view-key.ts'
export type { PostgresViewOptions, PostgresViewsOptions } from './view-options.ts'
export type { ViewRefresh } from './view-refresh.ts'

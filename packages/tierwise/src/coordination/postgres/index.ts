export type { PostgresCoordinationOptions, PostgresCoordinationTableOptions } from './options.ts'
export { postgresCoordination, postgresCoordinationSql } from './postgres-coordination.ts'

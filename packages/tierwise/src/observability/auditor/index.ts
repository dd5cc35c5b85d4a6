export { createAuditor, type Auditor } from './auditor.ts'
export type { AuditorOptions, AuditedNamespace } from './options.ts'
export type { AuditReport, Inconsistency, Sighting } from './report.ts'

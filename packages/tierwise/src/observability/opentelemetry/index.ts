export { openTelemetryMetrics, type OpenTelemetryExport, type OpenTelemetryMetricsOptions } from './metrics.ts'
export { openTelemetryTraces, type OpenTelemetryTracesOptions } from './traces.ts'

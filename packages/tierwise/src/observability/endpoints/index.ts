export { endpoints, type Endpoints, type EndpointsOptions, type MetricsText } from './endpoints.ts'
export { nodeHandler } from './node-handler.ts'

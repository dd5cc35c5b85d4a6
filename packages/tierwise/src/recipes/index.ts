export { factorBroker } from './factor-broker.ts'
export type {
  FactorBroker,
  FactorBrokerOptions,
  FactorBrokerStats,
  FactorPattern,
  FactorRequest,
  FactorResponse,
  FactorSource,
  ResolvedFactor,
} from './factor-broker.ts'

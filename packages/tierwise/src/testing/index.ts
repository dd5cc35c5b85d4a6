export { systemRuntime } from '../base/runtime.ts'
export {
  busConformance,
  type BusConformanceOptions,
  type BusInstance,
  type BusWorld,
  type WantedChange,
} from './bus-conformance.ts'
export {
  coordinationConformance,
  type CoordinationConformanceOptions,
  type CoordinationWorld,
} from './coordination-conformance.ts'
export { createEnvelope, loadValueCodec } from '../codecs/index.ts'
export { fakeRuntime, type FakeRuntime, type FakeRuntimeOptions, type PendingTimer } from './fake-runtime.ts'
export {
  faultPlan,
  type CorruptFault,
  type Corruption,
  type FailFault,
  type FaultCall,
  type FaultPlan,
  type FaultSelection,
  type FaultTarget,
} from './fault-plan.ts'
export { faultTier } from './fault-tier.ts'
export { checkTimers, invariantChecks, type InvariantChecks } from './invariants.ts'
export { localTierConformance, type LocalTierConformanceOptions } from './local-tier-conformance.ts'
export { mapTier, type MapTierOptions } from './map-tier.ts'
export { seededRandom, zipf, type SeededRandom } from './seeded-random.ts'
export * from './servers/index.ts'
export {
  sharedStore,
  type LoggedChange,
  type MessageFaults,
  type Pause,
  type PauseOptions,
  type SharedHead,
  type SharedInstance,
  type SharedMember,
  type SharedOperation,
  type SharedSnapshot,
  type SharedStore,
  type SharedStoreOptions,
  type SharedTierOptions,
} from './shared-store.ts'
export {
  tcpProxy,
  type ProxyCounters,
  type ProxyDirection,
  type ProxyFaultScope,
  type ProxyTraffic,
  type TcpProxy,
  type TcpProxyOptions,
} from './tcp-proxy.ts'
export { testCache, type TestCache, type TestCacheBuilder } from './test-cache.ts'
export { tierConformance, type TestRunner, type TierConformanceOptions } from './tier-conformance.ts'

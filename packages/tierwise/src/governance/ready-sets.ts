import type { DataClassOptions, NamespaceOptions } from '../contract/options.ts'

/** Names of the classes by time. */
export type TtlClass = 'ultra_short' | 'short' | 'medium' | 'long' | 'extended' | 'persistent'

/** Names of the classes of an energy market platform. */
export type MarketDataClass =
  | 'curves'
  | 'metadata'
  | 'scenarios'
  | 'eia_data'
  | 'external_data'
  | 'user_data'
  | 'system_config'

/** Data classes by how long a value may be kept, from half a minute to a week; to be spread into `governance.dataClasses`. */
export const ttlClasses: Readonly<Record<TtlClass, DataClassOptions>> = Object.freeze({
  ultra_short: { ttl: '30s' },
  short: { ttl: '5m' },
  medium: { ttl: '30m' },
  long: { ttl: '4h' },
  extended: { ttl: '24h' },
  persistent: { ttl: '7d' },
})

/** Data classes by what the data is. A call may ask for another ttl, which is counted. */
export const marketDataClasses: Readonly<Record<MarketDataClass, DataClassOptions>> = Object.freeze({
  curves: { ttl: '5m', maxKeyLength: 250 },
  metadata: { ttl: '30m', maxKeyLength: 250 },
  scenarios: { ttl: '60s', maxKeyLength: 250 },
  eia_data: { ttl: '10m', maxKeyLength: 250 },
  external_data: { ttl: '30m', maxKeyLength: 250 },
  user_data: { ttl: '1h', maxKeyLength: 250 },
  system_config: { ttl: '24h', maxKeyLength: 250 },
})

/** A namespace for emission factors under the licence of ecoinvent, which ends after 24 hours wherever they are kept. */
export const emissionFactors: NamespaceOptions = Object.freeze({
  ttl: '24h',
  maxTtl: '24h',
  license: 'ecoinvent',
  aliases: ['factor_broker'],
})

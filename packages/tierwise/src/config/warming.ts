import type { PatternTask, WarmingOptions } from '../contract/warming.ts'
import type { ResolvedConfig } from './tierwise-config.ts'

/** The parts of a configuration that say what to warm. */
export type WarmingRules = Pick<ResolvedConfig, 'warming' | 'namespaces'>

/** What `manager.warm` takes. */
export interface ConfiguredWarming {
  readonly plan: readonly PatternTask[]
  readonly options: WarmingOptions
}

/**
 * What the `warming` of a configuration comes to, for `manager.warm`. A pattern without a namespace is tried in all that
 * are listed, but for those with tenants.
 *
 * @example
 * const { plan, options } = warmingFromConfig(loaded.config)
 * await manager.warm(plan, options)
 */
export function warmingFromConfig({ warming = {}, namespaces = {} }: WarmingRules): ConfiguredWarming {
  const { strategy, patterns = [], batchSize, maxTime, workers } = warming
  const listed = Object.entries(namespaces).flatMap(([name, { tenant }]) => (tenant === 'required' ? [] : [name]))
  const plan = patterns.flatMap(({ namespace, ...task }) =>
    (namespace === undefined ? listed : [namespace]).map((name): PatternTask => ({ namespace: name, ...task })),
  )
  const options: WarmingOptions = {
    name: 'start',
    ...(strategy === undefined ? {} : { strategy }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(maxTime === undefined ? {} : { deadline: maxTime }),
    ...(workers === undefined ? {} : { concurrency: workers }),
  }
  return { plan, options }
}

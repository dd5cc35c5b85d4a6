import { unknownName } from '../../../base/option-reader.ts'
import type { TierDefinition } from '../../../contract/tier.ts'
import { TierError } from '../../../errors.ts'
import { PostgresViewsTier } from './postgres-views-tier.ts'
import { viewsSettings, type PostgresViewsOptions } from './view-options.ts'
import type { ViewRefresh } from './view-refresh.ts'

/** A tier of materialized views, and the refreshing of them. */
export interface PostgresViews extends TierDefinition {
  /**
   * Refreshes the view of a namespace. Resolves once the view is as of a moment after this call, whichever instance did
   * it. Two refreshes of a view never run at once.
   *
   * @throws ConfigError ERR_CACHE_OPTION when the namespace has no view
   * @throws TierError ERR_CACHE_VIEW_REFRESH, or ERR_CACHE_TIER_CLOSED before the manager was started
   */
  refresh(namespace: string): Promise<ViewRefresh>
}

/**
 * Materialized views of PostgreSQL as a tier that is only read: the last of a chain, in front of the loaders.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG
 * @example
 * const views = postgresViews({
 *   url: 'postgres://app@localhost/factors',
 *   views: { factors: { view: 'factors_mv', key: ['product', 'year'], refreshEvery: '1h' } },
 * })
 * const manager = createCacheManager({ tiers: [memory(), views] })
 */
export function postgresViews(options: PostgresViewsOptions): PostgresViews {
  const settings = viewsSettings(options)
  let tiers: readonly PostgresViewsTier[] = []
  return {
    name: settings.name,
    create: (context) => {
      const tier = new PostgresViewsTier(settings, context)
      tiers = [...tiers.filter(({ isClosed }) => !isClosed), tier]
      return tier
    },
    refresh: async (namespace) => {
      const names = settings.views.map((view) => view.namespace)
      if (!names.includes(namespace)) throw unknownName(`refresh(${namespace})`, namespace, names)
      const tier = tiers.findLast(({ isOpen }) => isOpen)
      if (tier !== undefined) return tier.refresh(namespace)
      throw new TierError(
        `The tier ${settings.name} cannot refresh ${namespace}: it is not open. Start the manager first.`,
        {
          code: 'ERR_CACHE_TIER_CLOSED',
          operation: 'refresh',
          tier: settings.name,
        },
      )
    },
  }
}

export type Activity = 'electricity'
export type Method = 'average' | 'marginal'

/** What is asked for. Region names are taken in any case; the year defaults to the latest the source has. */
export interface FactorRequest {
  readonly activity: Activity
  readonly region: string
  readonly method?: Method | undefined
  readonly year?: number | undefined
}

export const unit = 'gCO2e/kWh'

/**
 * `electricity:FRA:average:gco2e_per_kwh:latest`. Everything that changes the answer is in the key, written in one way
 * only, so `fra` and `FRA` share an entry. It stays readable because keys are what operators look at, and patterns such
 * as `electricity:FRA:*` what they type.
 */
export function factorKey(request: FactorRequest): string {
  const { activity, region, method = 'average', year = 'latest' } = request
  return [activity, regionCode(region), method, unitCode, year].join(':')
}

/** `Middle East` and `MIDDLE_EAST` are one region. */
export function regionCode(region: string): string {
  return region
    .trim()
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
}

const unitCode = unit.toLowerCase().replace('/', '_per_')

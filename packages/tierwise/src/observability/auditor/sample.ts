import type { Cache } from '../../contract/cache.ts'
import type { Random } from '../../contract/runtime.ts'

export interface SampleOptions {
  readonly tier: string
  readonly count: number
  readonly random: Random
}

/** Keys that a tier holds, each with the same chance: reservoir sampling (J. Vitter, "Random sampling with a reservoir", 1985, algorithm R). */
export async function sampleKeys(cache: Cache, { tier, count, random }: SampleOptions): Promise<readonly string[]> {
  const sample: string[] = []
  let seen = 0
  for await (const key of cache.keys('*', { tiers: [tier] })) {
    seen++
    const place = sample.length < count ? sample.length : Math.floor(random() * seen)
    if (place < count) sample[place] = key
  }
  return sample
}

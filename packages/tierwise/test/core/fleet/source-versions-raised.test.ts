import { expect, it } from 'vitest'
import type { LoaderContext } from '../../../src/contract/loader.ts'
import { startFleet } from './fleet.ts'

const storedOf = 'tw:1:factors:k'

it('a loader is run once more, with a new lease, when the fence was raised while it loaded', async () => {
  const { runtime, members, store } = await startFleet()
  const [a, b] = members
  const source = { version: 1, told: [] as unknown[] }
  const load = ({ minSourceVersion, setSourceVersion }: LoaderContext<unknown>): string => {
    source.told.push(minSourceVersion)
    setSourceVersion(source.version)
    return `v${source.version}`
  }
  const filling = a!.instance.pause('fill', { moment: 'before', calls: 1 })
  const loading = a!.cache.getOrSet('k', load)
  await filling.reached
  // The fence alone: an invalidation would have ended the lease too.
  await runtime.until(b!.cache.invalidate('other'))
  store.restore(withFence(store.snapshot(), 2))
  source.version = 2
  filling.resume()
  expect(await runtime.until(loading)).toBe('v2')
  expect(source.told).toEqual([undefined, 2])
  expect(store.head(storedOf)).toMatchObject({ record: 'held' })
  expect(a!.cache.peek('k')).toBe('v2')
})

/** As if somebody had raised the fence of the key without ending its lease. */
function withFence(
  snapshot: ReturnType<Awaited<ReturnType<typeof startFleet>>['store']['snapshot']>,
  fence: number,
): typeof snapshot {
  const [lane, ...lanes] = snapshot.lanes
  if (lane === undefined) throw new Error('a lane was expected')
  const memory = { ...lane.memory, fences: new Map([[storedOf, fence]]) }
  return { ...snapshot, lanes: [{ ...lane, memory }, ...lanes] }
}

import { expect, it } from 'vitest'
import { atOnce, startFleet } from '../fleet.ts'

it('a clear forgets what was read while it was under way and is recorded with a later clock than it began with', async () => {
  const { runtime, members } = await startFleet()
  const [a, b] = members
  // Others have moved the clock of the tags on, and this one has not heard of it yet.
  a!.instance.messages.hold()
  for (let time = 0; time < 3; time++) await atOnce(b!.cache.invalidateTags(['other']))
  await atOnce(b!.cache.set('k', 1))
  const pause = a!.instance.pause('tags', { moment: 'before' })
  const cleared = a!.cache.clear()
  await pause.reached
  await atOnce(a!.cache.get('k'))
  pause.resume()
  await atOnce(cleared)
  expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
  a!.instance.messages.release()
  await runtime.settle()
  expect(await atOnce(b!.cache.get('k'))).toBe(undefined)
})

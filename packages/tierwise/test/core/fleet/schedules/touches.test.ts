import { expect, it } from 'vitest'
import { atOnce, startFleet } from '../fleet.ts'

it('a touch while the store is out of reach does not make an old value good for longer', async () => {
  const { runtime, members } = await startFleet()
  const [a, b] = members
  await atOnce(a!.cache.set('k', 1))
  expect(await atOnce(b!.cache.get('k'))).toBe(1)
  b!.instance.cut()
  await atOnce(a!.cache.set('k', 2))
  await runtime.advance(4000)
  await runtime.until(b!.cache.touch('k', '1h'))
  await runtime.advance(4000)
  expect(b!.cache.peek('k')).toBe(undefined)
  expect(await runtime.until(b!.cache.get('k'))).toBe(undefined)
})

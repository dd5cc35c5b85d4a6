import { expect, test } from 'vitest'

import { Channels } from '../../../src/coordination/memory/channels.ts'

test('tells nobody in the middle of a step', async () => {
  const channels = new Channels()
  const heard: string[] = []
  channels.listen('news', (text) => void heard.push(text))
  channels.tell('news', 'one')
  expect(heard).toEqual([])
  await Promise.resolve()
  expect(heard).toEqual(['one'])
})

test('tells nothing that was on its way when a subscription, or all of them, were closed', async () => {
  const channels = new Channels()
  const heard: string[] = []
  const subscription = channels.listen('news', (text) => void heard.push(text))
  channels.tell('news', 'one')
  await subscription.close()
  channels.listen('news', (text) => void heard.push(text))
  channels.tell('news', 'two')
  channels.close()
  await Promise.resolve()
  expect(heard).toEqual([])
})

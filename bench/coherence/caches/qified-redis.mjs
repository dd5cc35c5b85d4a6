import { createClient } from 'redis'

/**
 * A message provider of qified over Redis pub/sub, for cacheable's sync, which takes any provider. It does what the one
 * of the package @qified/redis does (two connections of node-redis, JSON, one channel a topic), which the benches do not
 * install, and it hears errors of its connections, which otherwise end the process.
 *
 * @param {string} url @returns {Promise<object>}
 */
export async function redisMessages(url) {
  const publisher = createClient({ url })
  const subscriber = publisher.duplicate()
  /** @type {Map<string, ((message: unknown) => unknown)[]>} */
  const subscriptions = new Map()
  for (const client of [publisher, subscriber]) client.on('error', () => {})
  await Promise.all([publisher.connect(), subscriber.connect()])
  return {
    id: 'redis',
    subscriptions,
    publish: async (topic, message) => {
      await publisher.publish(topic, JSON.stringify({ ...message, providerId: 'redis' }))
    },
    subscribe: async (topic, handler) => {
      const handlers = subscriptions.get(topic)
      if (handlers) return void handlers.push(handler)
      subscriptions.set(topic, [handler])
      await subscriber.subscribe(topic, async (text) => {
        const message = JSON.parse(text)
        for (const each of subscriptions.get(topic) ?? []) await each.handler(message)
      })
    },
    unsubscribe: async (topic) => {
      subscriptions.delete(topic)
      await subscriber.unsubscribe(topic)
    },
    disconnect: async () => {
      publisher.destroy()
      subscriber.destroy()
    },
  }
}

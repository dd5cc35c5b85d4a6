import { signRequest, signWebhook } from 'tierwise/recipes'
import { partner, settingsFrom } from './settings.ts'

/**
 * What the partner does before it sends something, as a configuration for curl:
 *
 *     node dist/sign.js order http://127.0.0.1:8080/orders '{"number":"4711","amount":10}' | curl -K -
 */
const { orderSecret, webhookSecret } = settingsFrom(process.env)
const [kind = '', url = '', body = ''] = process.argv.slice(2)

const sign: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  order: () => signRequest({ method: 'POST', url, body }, { id: partner.orderKeyId, secret: orderSecret }),
  webhook: () => {
    const timestamp = Math.floor(Date.now() / 1000)
    return signWebhook({ id: `msg_${timestamp}`, timestamp, body }, { secrets: [webhookSecret] })
  },
}

const headers = sign[kind]?.()
if (headers === undefined) throw new Error('usage: sign order|webhook <url> <body>')
const lines = Object.entries(headers).map(([name, value]) => `header = ${JSON.stringify(`${name}: ${value}`)}`)
console.log([`url = ${JSON.stringify(url)}`, ...lines, `data = ${JSON.stringify(body)}`].join('\n'))

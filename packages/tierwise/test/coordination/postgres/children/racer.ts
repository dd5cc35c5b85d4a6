/**
 * Races others for the same keys, and tells what it got. Arguments: URL of the server, table, package, how often. It begins
 * when it is told to, so that all processes work at once.
 */
import { postgresCoordination } from '../../../../src/coordination/postgres/index.ts'
import { limits } from '../racing.ts'

const [url = '', table = '', client, times] = process.argv.slice(2)
const store = postgresCoordination({ url, table, package: client === 'pg' ? 'pg' : 'postgres', maxConnections: 4 })
await store.open()
process.send?.('ready')
process.once('message', async () => {
  const got = { bucket: 0, 'fixed-window': 0, 'sliding-window': 0, nonces: 0, tenures: 0 }
  for (let round = 0; round < Number(times); round++) {
    const taken = await Promise.all(limits.map((rule) => store.take(`limit ${rule.kind}`, rule, { cost: 1 })))
    for (const [index, { kind }] of limits.entries()) if (taken[index]?.allowed === true) got[kind]++
    const [nonce, entered, tenure] = await Promise.all([
      store.write(`nonce ${round}`, 'x', { onlyIf: 'absent', ttlMs: 600_000 }),
      store.enter('nonces', [{ member: `nonce ${round}`, ttlMs: 600_000 }]),
      store.acquire(`lock ${round}`, String(process.pid), { ttlMs: 600_000 }),
      store.add('sum', 1),
    ])
    if (nonce.written) got.nonces++
    if (entered[0] === true) got.nonces++
    if (tenure.kind === 'granted') got.tenures++
  }
  await store.close()
  process.send?.({ got })
  process.disconnect?.()
})

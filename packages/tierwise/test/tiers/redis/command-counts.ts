import type { RedisServer } from '../../../src/testing/servers/index.ts'

/** How often the server has run each command since the counts were reset. */
export async function commandCounts(server: RedisServer): Promise<Readonly<Record<string, number>>> {
  const text = await server.command('INFO', 'commandstats')
  const lines = [...text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)]
  return Object.fromEntries(lines.map(([, name = '', calls]) => [name, Number(calls)]))
}

export async function resetCounts(server: RedisServer): Promise<void> {
  await server.command('CONFIG', 'RESETSTAT')
}

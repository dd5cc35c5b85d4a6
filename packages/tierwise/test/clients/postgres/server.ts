import { afterAll } from 'vitest'

import { startPostgres, type PostgresServer } from '../../../src/testing/servers/index.ts'

let server: Promise<PostgresServer> | undefined

/** The server of a test file, started when it is first asked for. */
export function sharedServer(): Promise<PostgresServer> {
  server ??= startPostgres()
  return server
}

export async function serverUrl(): Promise<string> {
  return (await sharedServer()).url
}

afterAll(async () => {
  await (await server)?.stop()
  server = undefined
})

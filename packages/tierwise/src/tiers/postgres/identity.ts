import type { PostgresConnectionSettings } from '../../clients/postgres/connection-options.ts'
import type { Tables } from './tables.ts'

/** The table a tier is in, as far as the connection tells, so that a chain does not have it twice. Without credentials. */
export function identityOf(connection: PostgresConnectionSettings, { entries }: Tables): string | undefined {
  const place = placeOf(connection)
  return place === undefined ? undefined : `postgres ${place} ${entries}`
}

function placeOf({ url, pool, client, sql, dataDir }: PostgresConnectionSettings): string | undefined {
  if (url !== undefined) return placeOfUrl(url)
  if (dataDir !== undefined) return dataDir
  const config = pool === undefined ? (sql?.options ?? client) : (pool as { readonly options?: object }).options
  const { connectionString, host, port, database } = (config ?? {}) as Readonly<Record<string, unknown>>
  if (typeof connectionString === 'string') return placeOfUrl(connectionString)
  const [firstHost, firstPort] = [host, port].map((each) => (Array.isArray(each) ? (each[0] as unknown) : each))
  if (typeof firstHost !== 'string' || typeof database !== 'string') return undefined
  return `${firstHost}:${typeof firstPort === 'number' ? firstPort : 5432}/${database}`
}

function placeOfUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`
}

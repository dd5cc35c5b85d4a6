import type { PostgresSession } from '../../../clients/postgres/port.ts'

/** An instant of the server as an expression: microseconds since 1970. */
export function microseconds(instant: string): string {
  return `(extract(epoch from ${instant}) * 1000000)::bigint`
}

/** The clock of the server in microseconds since 1970. */
export async function serverTime(session: PostgresSession): Promise<number> {
  const [row] = await session.query({ text: `select ${microseconds('clock_timestamp()')}::text as now` })
  return Number(row?.['now'])
}

import type { PostgresSession } from './port.ts'

/** Runs `work` between `begin` and `commit` of a session that nobody else uses; a failure rolls back and is thrown. */
export async function inTransaction<T>(
  session: PostgresSession,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  await session.query({ text: 'begin' })
  try {
    const result = await work(session)
    await session.query({ text: 'commit' })
    return result
  } catch (error) {
    // A connection that is lost has rolled back by itself.
    await session.query({ text: 'rollback' }).catch(() => undefined)
    throw error
  }
}

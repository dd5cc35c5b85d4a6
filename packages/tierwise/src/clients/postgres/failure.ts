/** What the fields of an error of the server may be passed on as: none of them repeats a value of the application. */
const harmlessFields = ['code', 'severity', 'routine', 'schema', 'table', 'column', 'constraint', 'hint'] as const

/** An error that the server answered with. Its `code` is the SQLSTATE. */
class PostgresFailure extends Error {
  override readonly name: string = 'PostgresFailure'
  /** SQLSTATE, five characters. */
  declare readonly code: string
}

/**
 * The error without what it says of the values: PGlite and postgres.js attach the parameters of the query, and the
 * detail that the server sends repeats rows.
 */
export function withoutValues(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error
  const fields = error as Readonly<Record<string, unknown>>
  const { code } = fields
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || !('severity' in fields)) return withoutQuery(error)
  const failure = new PostgresFailure(String(fields['message']))
  for (const name of harmlessFields) if (fields[name] !== undefined) Object.assign(failure, { [name]: fields[name] })
  return failure
}

/** Errors of a connection are kept as they are, apart from the query that was under way. */
function withoutQuery(error: object): unknown {
  if (!(error instanceof Error) || !('query' in error || 'parameters' in error)) return error
  const { message, stack } = error
  const { code } = error as { readonly code?: unknown }
  const copy = Object.assign(new Error(message), code === undefined ? {} : { code })
  if (stack !== undefined) copy.stack = stack
  return copy
}

/** Whether the server said no to the statement, so that the connection is still good. */
export function isAnswer(error: unknown): boolean {
  return error instanceof PostgresFailure && !/^(08|57P)/.test(error.code)
}

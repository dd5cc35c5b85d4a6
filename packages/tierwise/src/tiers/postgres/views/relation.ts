import { optionError, readOptions, text, type OptionReader } from '../../../base/option-reader.ts'

/** A table or view: `'name'`, `'schema.name'`, or its parts when one of them contains a dot. */
export type PostgresRelation = string | { readonly schema?: string; readonly name: string }

/** The parts of a relation; without a schema the search path of the role finds it. */
export interface RelationName {
  readonly schema: string | undefined
  readonly name: string
}

/** Quotes an identifier for the text of a statement. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a relation for the text of a statement. */
export function quoteRelation({ schema, name }: RelationName): string {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

/** A name of PostgreSQL: at most 63 bytes, and the server would cut a longer one. */
export const identifier: OptionReader<string> = (raw, path) => {
  const name = text(raw, path)
  if (name.includes('\0') || Buffer.byteLength(name) > 63)
    throw optionError(path, raw, 'a name of at most 63 bytes without a NUL')
  return name
}

/** Columns, at least one. */
export const columns: OptionReader<readonly string[]> = (raw, path) => {
  if (!Array.isArray(raw) || raw.length === 0) throw optionError(path, raw, 'a list with at least one column')
  return raw.map((column, index) => identifier(column, `${path}[${index}]`))
}

export const relation: OptionReader<RelationName> = (raw, path) => {
  if (typeof raw !== 'string') {
    const { schema, name } = readOptions<{ schema: string; name: string }>(raw, path, {
      schema: identifier,
      name: identifier,
    })
    if (name === undefined) throw optionError(`${path}.name`, name, 'the name of a relation')
    return { schema, name }
  }
  const [first = '', second, ...more] = raw.split('.')
  if (more.length > 0)
    throw optionError(path, raw, "'name', 'schema.name', or { schema, name } when one of them contains a dot")
  if (second === undefined) return { schema: undefined, name: identifier(first, path) }
  return { schema: identifier(first, path), name: identifier(second, path) }
}

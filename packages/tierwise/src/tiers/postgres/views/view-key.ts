/** How keys and the columns of a view belong together. Parts are the texts of the columns, in order. */
export interface PostgresViewKey {
  /** Columns that identify a row, in the order of the parts of the key. */
  readonly columns: readonly string[]
  /** The parts of a key; undefined when the view cannot have the key. */
  readonly parse: (key: string) => readonly string[] | undefined
  /** The key of a row; the reverse of `parse`. */
  readonly format: (parts: readonly string[]) => string
}

/**
 * Keys made of the columns, joined by `:`; a `:` or `\` inside of a part is escaped by `\`. A single column is the key as
 * it is.
 */
export function joinedKey(columns: readonly string[]): PostgresViewKey {
  if (columns.length === 1) return { columns, parse: (key) => [key], format: ([part = '']) => part }
  return {
    columns,
    parse: (key) => {
      const parts = splitKey(key)
      return parts?.length === columns.length ? parts : undefined
    },
    format: (parts) => parts.map((part) => part.replaceAll(/[\\:]/g, String.raw`\$&`)).join(':'),
  }
}

/** Undefined when an escape stands before anything but `:` and `\`: no row has that key. */
function splitKey(key: string): readonly string[] | undefined {
  if (!key.includes('\\')) return key.split(':')
  const parts = ['']
  for (let at = 0; at < key.length; at++) {
    const sign = key[at] ?? ''
    if (sign === ':') parts.push('')
    else if (sign !== '\\') parts[parts.length - 1] += sign
    else {
      const escaped = key[++at]
      if (escaped !== ':' && escaped !== '\\') return undefined
      parts[parts.length - 1] += escaped
    }
  }
  return parts
}

/** The fields of an `INFO` reply by name. Field names are unique over all sections. */
export type RedisInfo = ReadonlyMap<string, string>

/** Reads the text of `INFO` or `CLUSTER INFO`: lines of `name:value` between headings and blank lines. */
export function parseInfo(text: string): RedisInfo {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1).trimEnd())
  }
  return fields
}

/** A number of the reply; undefined when the server does not tell it. */
export function numberOf(info: RedisInfo, name: string): number | undefined {
  const text = info.get(name)
  const value = text === undefined || text === '' ? NaN : Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** Reads a value such as `ip=127.0.0.1,port=6380,state=online,lag=1`. */
export function parseFields(text: string): RedisInfo {
  const pairs = text.split(',').map((pair): [string, string] => {
    const equals = pair.indexOf('=')
    return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return new Map(pairs)
}

const perValue = 8

/** About how many bytes a value takes in memory. */
export function approximateBytes(value: unknown): number {
  if (typeof value === 'string') return value.length * 2 + perValue
  if (typeof value !== 'object' || value === null) return perValue
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength + perValue
  const parts = value instanceof Map || value instanceof Set ? [...value] : Object.entries(value)
  return parts.reduce((sum: number, part) => sum + perValue + partBytes(part), perValue)
}

function partBytes(part: unknown): number {
  return Array.isArray(part)
    ? part.reduce((sum: number, each) => sum + approximateBytes(each), 0)
    : approximateBytes(part)
}

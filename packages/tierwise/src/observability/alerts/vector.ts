/** A value, and what it is the value of. */
export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Values by their labels. */
export type Vector = ReadonlyMap<string, LabelledValue>

/** One text for the values of some labels. */
export function labelsKey(labels: Readonly<Record<string, string>>, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => labels[name] ?? ''))
}

/** The values, put together by some labels. */
export function gather(
  values: readonly LabelledValue[],
  names: readonly string[],
  combine: (a: number, b: number) => number,
): Vector {
  const result = new Map<string, LabelledValue>()
  for (const { labels, value } of values) {
    const key = labelsKey(labels, names)
    const before = result.get(key)
    const kept = Object.fromEntries(names.map((name) => [name, labels[name] ?? '']))
    result.set(key, { labels: kept, value: before === undefined ? value : combine(before.value, value) })
  }
  return result
}

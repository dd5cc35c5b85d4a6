import type { LanePoint } from './lane-state.ts'

/** `{"0":[12,"id"]}`: lanes without a point are left out. */
export function writePosition(points: readonly (LanePoint | undefined)[]): string {
  const known = points.flatMap((point, lane) => (point === undefined ? [] : [[lane, [point.sequence, point.id]]]))
  return JSON.stringify(Object.fromEntries(known))
}

/** The points by lane; none of a text that `writePosition` did not write. */
export function readPosition(text: string | undefined): ReadonlyMap<number, LanePoint> {
  const points = new Map<number, LanePoint>()
  for (const [lane, point] of entriesOf(text)) {
    const [sequence, id] = Array.isArray(point) ? (point as unknown[]) : []
    if (!Number.isSafeInteger(sequence) || typeof id !== 'string' || id === '') continue
    points.set(Number(lane), { sequence: sequence as number, id })
  }
  return points
}

function entriesOf(text: string | undefined): [string, unknown][] {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}')
    return typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  } catch {
    return []
  }
}

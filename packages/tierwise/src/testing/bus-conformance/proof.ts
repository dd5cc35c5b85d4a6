import assert from 'node:assert/strict'

import { type BusSession, type Heard, lanesOf } from './bus-session.ts'
import type { BusSuite } from './suite.ts'

export function proofTests({ test }: BusSuite): void {
  test('confirms a lane for an instant between its loss and now, again and again', async (session) => {
    const startedAt = session.now
    const { bus, listener } = await session.listening()
    await session.confirmed(bus, listener)
    await session.confirmed(bus, listener)
    for (const lane of lanesOf(bus)) {
      const instants = listener.of(lane).flatMap((each) => (each.kind === 'confirmed' ? [each.instant] : []))
      assert.ok(instants.length >= 2)
      for (const instant of instants) assert.ok(instant >= startedAt && instant <= session.now)
      assert.deepEqual(
        instants,
        instants.toSorted((a, b) => a - b),
      )
    }
  })

  test('confirms only what was told: everything that any instance has changed before', async (session) => {
    const writers = [await session.listening(), await session.listening()]
    const listener = await session.listening()
    const made = new Map<string, Made>()
    const end = session.now + 2500
    await Promise.all(writers.map((writer, index) => keepChanging(session, { writer, index, made, end })))
    await session.confirmed(listener.bus, listener.listener)
    assertProved(listener, made)
  })

  test('tells what changed right after the start', async (session) => {
    const writer = await session.listening()
    for (let round = 0; round < 5; round++) {
      const { bus } = await session.join()
      const listener = session.listener()
      const made = new Map<string, Made>()
      bus.start(listener)
      const changing = keepChanging(session, { writer, index: round, made, end: session.now + 200 })
      await session.confirmed(bus, listener, 0)
      await changing
      await session.confirmed(bus, listener)
      assertProved({ bus, listener }, made)
      await bus.stop()
    }
  })
}

/** When a change was begun, and by when it was made. */
interface Made {
  readonly begun: number
  readonly made: number
}

interface Changing {
  readonly writer: Heard
  readonly index: number
  readonly made: Map<string, Made>
  readonly end: number
}

/** Changes one key after the other, and notes when. */
async function keepChanging(session: BusSession, { writer, index, made, end }: Changing): Promise<void> {
  for (let count = 0; session.now < end; count++) {
    const key = `tw:1:a:${index}-${count}`
    const begun = session.now
    await writer.change([{ operation: 'set', key }])
    made.set(key, { begun, made: session.now })
    // Changes within the process would otherwise not let anything else run.
    if (count % 8 === 7) await session.pause()
  }
}

/** At each confirmation, everything that was made before its instant was told, or was begun before the lane was lost. */
function assertProved({ bus, listener }: Pick<Heard, 'bus' | 'listener'>, made: ReadonlyMap<string, Made>): void {
  const open = new Map([...made].map(([key, times]) => [key, { ...times, lane: bus.laneOf(key) }]))
  let confirmations = 0
  for (const each of listener.told) {
    if (each.kind === 'changed' && each.change.kind === 'key') open.delete(each.change.key)
    if (each.kind === 'lost') excuse(open, each)
    if (each.kind === 'confirmed') {
      confirmations++
      for (const [key, times] of open) assertUnproved(key, times, each)
    }
  }
  assert.ok(confirmations > 0, 'there are confirmations to check')
}

/** What was begun before the loss of its lane need not be told. */
function excuse(
  open: Map<string, Made & { readonly lane: number }>,
  lost: { readonly lane: number; readonly at: number },
): void {
  for (const [key, { begun, lane }] of open) if (lane === lost.lane && begun < lost.at) open.delete(key)
}

function assertUnproved(
  key: string,
  { made, lane }: Made & { readonly lane: number },
  confirmed: { readonly lane: number; readonly instant: number },
): void {
  const isProved = lane === confirmed.lane && made < confirmed.instant
  assert.ok(
    !isProved,
    `${key} was changed ${confirmed.instant - made} ms before an instant that was confirmed without it`,
  )
}

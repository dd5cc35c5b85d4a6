/** First and last slot of a range. */
export type SlotRange = readonly [first: number, last: number]

/**
 * The slots that a node says it owns, from its reply to CLUSTER NODES; none when it is a replica. A slot on its way to
 * another node counts for the one that still owns it.
 */
export function ownSlots(clusterNodes: string): readonly SlotRange[] {
  const own = clusterNodes.split('\n').find((line) => line.split(' ')[2]?.split(',').includes('myself'))
  // Id, address, flags, primary, ping, pong, epoch and state of the link come before the slots.
  const ranges = own?.trim().split(' ').slice(8) ?? []
  return ranges.flatMap((range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
    return first === undefined ? [] : [[Number(first), Number(last)] as const]
  })
}

export function hasSlot(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(([first, last]) => first <= slot && slot <= last)
}

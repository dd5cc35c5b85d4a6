/** One line of CLUSTER NODES. */
export interface ClusterNodeLine {
  readonly id: string
  readonly port: number
  readonly flags: ReadonlySet<string>
  /** Id of the node it follows; undefined for a primary. */
  readonly follows: string | undefined
  /** First and last slot of each range. Slots that are being moved count for the node that still owns them. */
  readonly slots: readonly (readonly [first: number, last: number])[]
}

export function parseClusterNodes(text: string): readonly ClusterNodeLine[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => parseLine(line.trim()))
}

export function ownsSlot(node: ClusterNodeLine, slot: number): boolean {
  return node.slots.some(([first, last]) => first <= slot && slot <= last)
}

/** `<id> <host:port@bus,name> <flags> <id of the primary or -> <ping> <pong> <epoch> <link> <slots>...` */
function parseLine(line: string): ClusterNodeLine {
  const [id = '', address = '', flags = '', primary = '-', _ping, _pong, _epoch, _link, ...ranges] = line.split(' ')
  return {
    id,
    port: Number(/:(\d+)(@|$)/.exec(address.split(',')[0] ?? '')?.[1]),
    flags: new Set(flags.split(',')),
    follows: primary === '-' ? undefined : primary,
    slots: ranges.flatMap((range) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
      return first === undefined ? [] : [[Number(first), Number(last)] as const]
    }),
  }
}

/**
 * The layout of an LMDB file as lmdb-js ships LMDB 1.0: data version 2, 64 bit, little-endian, structures as in its
 * `mdb.c`. Every reader checks that what it reads lies inside its page.
 *
 * A page: number (8 bytes), transaction (8), pad (2), flags (2), then lower and upper end of the free space (2 + 2) or,
 * on the first page of a large value, the number of its pages (4). Offsets inside a page count from here, byte 24. Then
 * a pointer (2) to each node. A node: value size or child page (4), flags or the top of the child page (2), key size (2),
 * key, value.
 */
export const pageFlag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const
/** Nothing special about our trees; the free list has numbers for keys (8), and also says that the path is a file (0x4000). */
export const treeFlags = { main: 0, sub: 0, free: 0x4008 } as const
export const nodeFlag = { plain: 0, large: 1, tree: 2 } as const
export const pageHeader = 24
export const nodeHeader = 8
/** In place of a large value: its first page, a transaction, the number of its pages. */
export const largeValueBytes = 24
export const treeBytes = 48
export const metaBytes = 168

const magic = 0xbeefc0de
const dataVersion = 2
/** 16 TiB in pages of 4 KiB. */
const mostPages = 2 ** 32

/** What is wrong with a file. */
export class Damage extends Error {}

/** A tree as a meta page or a leaf of the main tree describes it. */
export interface Tree {
  readonly kind: 'main' | 'sub' | 'free'
  /** How its keys compare and repeat. */
  readonly flags: number
  readonly depth: number
  readonly branches: number
  readonly leaves: number
  readonly overflows: number
  readonly entries: number
  /** Undefined when the tree is empty. */
  readonly root: number | undefined
}

export interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: number
  readonly free: Tree
  readonly main: Tree
}

export function readMeta(page: Buffer): Meta {
  if ((flagsOf(page) & pageFlag.meta) === 0 || page.readUInt32LE(pageHeader) !== magic)
    throw new Damage('not a database')
  if ((page.readUInt32LE(pageHeader + 4) & 0xffff) !== dataVersion) throw new Damage('a database of another LMDB')
  const pageSize = page.readUInt32LE(pageHeader + 24)
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) throw new Damage('impossible page size')
  const lastPage = readNumber(page, pageHeader + 120)
  if (lastPage > mostPages) throw new Damage('impossible number of pages')
  const transaction = readNumber(page, pageHeader + 128)
  const mapBytes = readNumber(page, pageHeader + 16)
  if (mapBytes < (lastPage + 1) * pageSize || mapBytes > mostPages * 4096)
    throw new Damage('impossible size of the map')
  const trees = { free: readTree(page, pageHeader + 24, 'free'), main: readTree(page, pageHeader + 72, 'main') }
  return { pageSize, lastPage, transaction, ...trees }
}

export function readTree(page: Buffer, at: number, kind: Tree['kind']): Tree {
  const isEmpty = page.readBigInt64LE(at + 40) === -1n
  return {
    kind,
    flags: page.readUInt16LE(at + 4),
    depth: page.readUInt16LE(at + 6),
    branches: readNumber(page, at + 8),
    leaves: readNumber(page, at + 16),
    overflows: readNumber(page, at + 24),
    entries: readNumber(page, at + 32),
    root: isEmpty ? undefined : readNumber(page, at + 40),
  }
}

/** Exact up to 2^53, far above anything that a file can hold. */
export function readNumber(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 2 ** 32
}

/** The transaction that wrote a page. */
export function transactionOf(page: Buffer): number {
  return readNumber(page, 8)
}

export function flagsOf(page: Buffer): number {
  return page.readUInt16LE(18)
}

/** How many pages a large value says that it has. */
export function overflowPagesOf(page: Buffer): number {
  return page.readUInt32LE(20)
}

/** Offsets of the nodes of a page. */
export function readNodes(page: Buffer): number[] {
  const lower = page.readUInt16LE(20)
  const upper = page.readUInt16LE(22)
  if (lower % 2 !== 0 || lower > upper || upper > page.length - pageHeader) throw new Damage('impossible page header')
  const nodes: number[] = []
  for (let pointer = pageHeader; pointer < pageHeader + lower; pointer += 2) {
    const at = page.readUInt16LE(pointer) + pageHeader
    if (at < upper + pageHeader || at + nodeHeader > page.length) throw new Damage('a node lies outside its page')
    if (valueOf(page, at) > page.length) throw new Damage('a key runs out of its page')
    nodes.push(at)
  }
  return nodes
}

export function childOf(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32
}

export function valueSizeOf(page: Buffer, at: number): number {
  return page.readUInt32LE(at)
}

export function nodeFlagsOf(page: Buffer, at: number): number {
  return page.readUInt16LE(at + 4)
}

/** Where the value of a node begins, which is where its key ends. */
export function valueOf(page: Buffer, at: number): number {
  return at + nodeHeader + page.readUInt16LE(at + 6)
}

export function keyOf(page: Buffer, at: number): Buffer {
  return page.subarray(at + nodeHeader, valueOf(page, at))
}

/** Negative when the key of one node comes before that of the other, in the same page. */
export function compareKeys(page: Buffer, one: number, other: number): number {
  return page.compare(page, other + nodeHeader, valueOf(page, other), one + nodeHeader, valueOf(page, one))
}

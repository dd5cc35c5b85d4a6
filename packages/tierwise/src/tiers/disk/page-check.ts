/**
 * Proves that a database file can be mapped, before LMDB maps it.
 *
 * LMDB trusts its pages: one that lies beyond the end of a truncated file raises SIGBUS when it is touched, and a flipped
 * bit in a page header, a node or the list of free pages can crash the process or, worse, let the next write overwrite
 * live pages. After a crash of the machine, unsynced commits may have left an old page where a new one belongs. So this
 * walks every page that the newest snapshot reaches, checks each header and node against the bounds of its page and of
 * the file, keys against their neighbours and the branches above, the counts that each tree keeps, and that no page is
 * used twice or listed as free. It does not look at values: their frames have checksums, verified at each read.
 *
 * Only valid while nobody writes: with another process at work a page may be reused during the walk.
 */
import { readSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

import {
  childOf,
  compareKeys,
  Damage,
  flagsOf,
  keyOf,
  largeValueBytes,
  metaBytes,
  nodeFlag,
  nodeFlagsOf,
  nodeHeader,
  overflowPagesOf,
  pageFlag,
  pageHeader,
  readMeta,
  readNodes,
  readNumber,
  readTree,
  transactionOf,
  treeBytes,
  treeFlags,
  valueOf,
  valueSizeOf,
  type Meta,
  type Tree,
} from './page-format.ts'

/** A walk yields to the event loop after this many pages, about ten milliseconds. */
const pagesPerTurn = 1000

/** A page to visit, and the keys between which its own must lie. */
interface Visit {
  readonly page: number
  readonly depth: number
  readonly from: Buffer | undefined
  readonly to: Buffer | undefined
}

/** Undefined when the file is sound or empty, otherwise what is wrong with it. It may hold only trees with these names. */
export async function findDamage(file: string, names: readonly string[]): Promise<string | undefined> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    if (size > 0) await new PageWalk(handle, size, currentMeta(handle.fd)).run(names)
    return undefined
  } catch (error) {
    if (error instanceof Damage) return error.message
    throw error
  } finally {
    await handle.close()
  }
}

/** The snapshot that LMDB will open: the newer of two, which transactions write in turn. */
function currentMeta(file: number): Meta {
  const read = (offset: number): Meta => {
    const page = Buffer.alloc(metaBytes)
    if (readSync(file, page, 0, metaBytes, offset) < metaBytes) throw new Damage('the file ends in its meta pages')
    return readMeta(page)
  }
  const first = read(0)
  const second = read(first.pageSize)
  if (first.pageSize !== second.pageSize) throw new Damage('the meta pages disagree about the page size')
  // Even transactions write the first, odd ones the second. Any other pair would take us back to a snapshot of long ago.
  const [even, odd] = [first.transaction, second.transaction]
  const isPair = Math.abs(even - odd) === 1 && even % 2 === 0
  if (!isPair && (even !== 0 || odd !== 0)) throw new Damage('the meta pages are no pair')
  return even >= odd ? first : second
}

class PageWalk {
  readonly #handle: FileHandle
  readonly #pageSize: number
  readonly #pages: number
  readonly #meta: Meta
  /** One byte a page: 1 once something uses it. */
  readonly #used: Uint8Array
  #visited = 0

  constructor(handle: FileHandle, fileSize: number, meta: Meta) {
    this.#handle = handle
    this.#meta = meta
    this.#pageSize = meta.pageSize
    // The file may be shorter than the last page says when the pages at its end are free.
    this.#pages = Math.min(meta.lastPage + 1, Math.floor(fileSize / meta.pageSize))
    this.#used = new Uint8Array(meta.lastPage + 1)
  }

  async run(names: readonly string[]): Promise<void> {
    this.#claim(0, 2)
    await this.#tree(this.#meta.free)
    const named = await this.#tree(this.#meta.main)
    // LMDB would start an empty tree in the place of one whose name is damaged.
    if (named.some(({ name }) => !names.includes(name))) throw new Damage('a tree of unknown name')
    for (const { tree } of named) await this.#tree(tree)
  }

  /** Walks a tree; returns the trees that it names. */
  async #tree(tree: Tree): Promise<NamedTree[]> {
    if (tree.flags !== treeFlags[tree.kind]) throw new Damage('a tree of unknown kind')
    const count: Count = { branches: 0, leaves: 0, overflows: 0, entries: 0, trees: [] }
    const pending: Visit[] =
      tree.root === undefined ? [] : [{ page: tree.root, depth: 1, from: undefined, to: undefined }]
    for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
      // A file operation is a pause in which timers and sockets get their turn.
      if (++this.#visited % pagesPerTurn === 0) await this.#handle.stat()
      pending.push(...this.#visit(tree, visit, count))
    }
    const isComplete =
      count.branches === tree.branches &&
      count.leaves === tree.leaves &&
      count.overflows === tree.overflows &&
      count.entries === tree.entries
    if (!isComplete) throw new Damage('a tree does not hold what it says')
    return count.trees
  }

  /** Checks one page; returns the pages below it. */
  #visit(tree: Tree, visit: Visit, count: Count): Visit[] {
    this.#claim(visit.page, 1)
    const page = this.#read(visit.page)
    const isLeaf = flagsOf(page) === pageFlag.leaf
    if ((!isLeaf && flagsOf(page) !== pageFlag.branch) || isLeaf !== (visit.depth === tree.depth)) {
      throw new Damage(`page ${visit.page} is not what its tree says`)
    }
    const nodes = readNodes(page)
    // The first key of a branch stands for anything smaller and may be empty.
    const keyed = isLeaf ? nodes : nodes.slice(1)
    // The free list goes by numbers, which are its own business as long as they are numbers.
    if (tree.kind === 'free' ? keyed.some((at) => keyOf(page, at).length !== 8) : !areInOrder(page, keyed, visit)) {
      throw new Damage('keys out of order')
    }
    if (!isLeaf) {
      count.branches++
      return childrenOf(page, nodes, visit)
    }
    count.leaves++
    count.entries += nodes.length
    for (const at of nodes) this.#leafNode(tree, { page, at }, count)
    return []
  }

  #leafNode(tree: Tree, { page, at }: { readonly page: Buffer; readonly at: number }, count: Count): void {
    const size = valueSizeOf(page, at)
    const flags = nodeFlagsOf(page, at)
    const value = valueOf(page, at)
    if (value + (flags === nodeFlag.large ? largeValueBytes : size) > this.#pageSize)
      throw new Damage('a value runs out of its page')
    if (flags === nodeFlag.large) count.overflows += this.#largeValue(page, value, size)
    else if (flags === nodeFlag.tree && tree.kind === 'main' && size === treeBytes) {
      // lmdb-js writes a zero behind each name.
      count.trees.push({
        name: keyOf(page, at).toString('latin1', 0, valueOf(page, at) - at - nodeHeader - 1),
        tree: readTree(page, value, 'sub'),
      })
    } else if (flags !== nodeFlag.plain || tree.kind === 'main') throw new Damage('a node of unknown kind')
    if (tree.kind === 'free')
      this.#freePages(
        flags === nodeFlag.large ? this.#readLarge(page, value, size) : page.subarray(value, value + size),
      )
  }

  /** Checks the pages of a large value; returns their number. */
  #largeValue(page: Buffer, value: number, size: number): number {
    const first = readNumber(page, value)
    const pages = readNumber(page, value + 16)
    if (readNumber(page, value + 8) > this.#meta.transaction)
      throw new Damage('a large value is newer than its snapshot')
    if (pages !== Math.floor((pageHeader - 1 + size) / this.#pageSize) + 1)
      throw new Damage('a large value of impossible size')
    this.#claim(first, pages)
    const head = this.#read(first)
    if (flagsOf(head) !== pageFlag.overflow || overflowPagesOf(head) !== pages)
      throw new Damage('a large value without its pages')
    return pages
  }

  #readLarge(page: Buffer, value: number, size: number): Buffer {
    const bytes = Buffer.alloc(size)
    readSync(this.#handle.fd, bytes, 0, size, readNumber(page, value) * this.#pageSize + pageHeader)
    return bytes
  }

  /** A free list: its length, then pages, or minus a number of pages and the first of them. Zeros fill gaps. */
  #freePages(list: Buffer): void {
    const length = list.length >= 8 ? readNumber(list, 0) : Infinity
    if ((length + 1) * 8 > list.length) throw new Damage('a free list of impossible length')
    for (let index = 1; index <= length; index++) {
      const entry = Number(list.readBigInt64LE(index * 8))
      if (entry === 0) continue
      if (entry < 0 && index === length) throw new Damage('a free list that ends in a run')
      const first = entry > 0 ? entry : readNumber(list, ++index * 8)
      this.#claim(first, entry > 0 ? 1 : -entry, this.#meta.lastPage + 1)
    }
  }

  #claim(first: number, count: number, end: number = this.#pages): void {
    if (first < 0 || first + count > end) throw new Damage(`page ${first} lies beyond the end of the file`)
    for (let page = first; page < first + count; page++) {
      if (this.#used[page] === 1) throw new Damage(`page ${page} is used twice`)
      this.#used[page] = 1
    }
  }

  #read(number: number): Buffer {
    const page = Buffer.allocUnsafe(this.#pageSize)
    if (readSync(this.#handle.fd, page, 0, this.#pageSize, number * this.#pageSize) < this.#pageSize) {
      throw new Damage(`page ${number} is cut off`)
    }
    if (readNumber(page, 0) !== number) throw new Damage(`page ${number} carries another number`)
    // LMDB takes a page of a later transaction for one of its own copies and would write to the map, which is read-only.
    if (transactionOf(page) > this.#meta.transaction) throw new Damage(`page ${number} is newer than its snapshot`)
    return page
  }
}

interface Count {
  branches: number
  leaves: number
  overflows: number
  entries: number
  readonly trees: NamedTree[]
}

interface NamedTree {
  readonly name: string
  readonly tree: Tree
}

function childrenOf(page: Buffer, nodes: readonly number[], { depth, from, to }: Visit): Visit[] {
  return nodes.map((at, index) => {
    const next = nodes[index + 1]
    return {
      page: childOf(page, at),
      depth: depth + 1,
      from: index === 0 ? from : keyOf(page, at),
      to: next === undefined ? to : keyOf(page, next),
    }
  })
}

/** Whether keys ascend from the lower bound, which the first may equal, to below the upper. */
function areInOrder(page: Buffer, nodes: readonly number[], { from, to }: Visit): boolean {
  const first = nodes[0]
  const last = nodes.at(-1)
  if (first === undefined || last === undefined) return true
  if (from !== undefined && Buffer.compare(from, keyOf(page, first)) > 0) return false
  if (to !== undefined && Buffer.compare(keyOf(page, last), to) >= 0) return false
  return nodes.every((at, index) => index === 0 || compareKeys(page, nodes[index - 1] ?? at, at) < 0)
}

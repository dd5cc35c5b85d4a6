import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { answer } from './answers.ts'

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly etag: string
}

/** The files of the page, read when the dashboard is made. */
export class PageFiles {
  readonly #files: ReadonlyMap<string, PageFile>

  constructor(folder: URL = new URL('../page/', import.meta.url)) {
    this.#files = new Map(Object.entries(types).map(([name, type]) => [name, fileOf(new URL(name, folder), type)]))
  }

  /** Undefined for what is not part of the page; the empty name is the page itself. */
  answer(name: string, request: Request): Response | undefined {
    const file = this.#files.get(name || 'index.html')
    if (file === undefined) return undefined
    const headers = { 'content-type': file.type, etag: file.etag, 'cache-control': 'no-cache' }
    if (request.headers.get('if-none-match') === file.etag) return answer(null, { status: 304, headers })
    return answer(request.method === 'HEAD' ? null : file.bytes, { headers })
  }
}

function fileOf(url: URL, type: string): PageFile {
  const bytes = new Uint8Array(readFileSync(url))
  return { bytes, type, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` }
}

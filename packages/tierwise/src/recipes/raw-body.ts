/** The body of a request before anything has parsed it: its bytes, or the request itself, of which they are read. */
export type RawBody = Uint8Array | AsyncIterable<Uint8Array>

/**
 * The bytes, or undefined when there are more than `mostBytes`, of which no more is read then.
 *
 * @throws TypeError when it was parsed or decoded already
 */
export async function readRawBody(body: RawBody, mostBytes: number): Promise<Buffer | undefined> {
  if (body instanceof Uint8Array) return body.byteLength > mostBytes ? undefined : Buffer.from(body)
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) throw parsed()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(body)) {
    if (!(chunk instanceof Uint8Array)) throw parsed()
    length += chunk.byteLength
    if (length > mostBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A request of Node is destroyed with the end of its iterator otherwise, before it was answered. */
function chunksOf(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const stream = body as { iterator?: (options: { readonly destroyOnReturn: boolean }) => AsyncIterable<Uint8Array> }
  return typeof stream.iterator === 'function' ? stream.iterator({ destroyOnReturn: false }) : body
}

function parsed(): TypeError {
  return new TypeError(
    '`body` must be the bytes that were sent, or the request that has them; one that was parsed cannot be checked.',
  )
}

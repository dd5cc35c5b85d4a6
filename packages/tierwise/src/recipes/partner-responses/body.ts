/** The bytes of a body, or, where there are more than were asked for, what was read of it and who reads the rest. */
export type BodyRead =
  | { readonly bytes: Uint8Array }
  | { readonly chunks: readonly Uint8Array[]; readonly rest: ReadableStreamDefaultReader<Uint8Array> }

/** Statuses of responses that cannot have a body, not even an empty one. */
const bodiless = new Set([101, 204, 205, 304])

/** Reads a body, but no more than one chunk beyond the limit. */
export async function readBody(response: Response, maxBytes: number): Promise<BodyRead> {
  if (response.body === null) return { bytes: new Uint8Array(0) }
  const rest = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const chunks: Uint8Array[] = []
  let size = 0
  while (size <= maxBytes) {
    const { done, value } = await rest.read()
    if (done) return { bytes: joined(chunks, size) }
    chunks.push(value)
    size += value.byteLength
  }
  return { chunks, rest }
}

/** What a response says of itself and its constructor does not take. */
export interface ResponseFacts {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly url: string
  readonly redirected?: boolean
}

export function responseOf(facts: ResponseFacts, body: Uint8Array | ReadableStream | null): Response {
  const { status, statusText, headers, url, redirected = false } = facts
  const content = bodiless.has(status) ? null : (body as Uint8Array<ArrayBuffer> | ReadableStream | null)
  const response = new Response(content, { status, statusText, headers })
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } })
}

/** Who stops asking a partner, and when. */
export interface Handover {
  /** Of the caller that gets the response. */
  readonly signal: AbortSignal | undefined
  abort(reason: unknown): void
}

/**
 * A response whose body goes on to the caller as it comes; `read` has what was read of it already. From here on it is the
 * caller's own signal that ends it.
 */
export function streamOn(
  response: Response,
  handover: Handover,
  read?: Extract<BodyRead, { rest: unknown }>,
): Response {
  if (response.body === null || (read === undefined && handover.signal === undefined)) return response
  const rest = read?.rest ?? (response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>)
  return responseOf(response, continued(rest, read?.chunks ?? [], handover))
}

function continued(
  rest: ReadableStreamDefaultReader<Uint8Array>,
  chunks: readonly Uint8Array[],
  handover: Handover,
): ReadableStream<Uint8Array> {
  const { signal } = handover
  const waiting = [...chunks]
  const onAbort = (): void => handover.abort(signal?.reason)
  const end = (): void => signal?.removeEventListener('abort', onAbort)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = waiting.shift()
      if (chunk !== undefined) return controller.enqueue(chunk)
      try {
        const { done, value } = await rest.read()
        if (!done) return controller.enqueue(value)
        end()
        controller.close()
      } catch (error) {
        end()
        throw error
      }
    },
    async cancel(reason) {
      end()
      await rest.cancel(reason)
    },
  })
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

import { Refusal } from './answers.ts'

/** A key has at most 4096 characters, which are at most 12 KB. */
const mostBytes = 32 * 1024

/** The body as a JSON object, read no further than it may be long. @throws Refusal 400 or 413 */
export async function readJson(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Refusal(400, 'The body is not JSON.')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Refusal(400, 'The body is not a JSON object.')
  return parsed as Readonly<Record<string, unknown>>
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = request.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) break
    bytes += value.byteLength
    if (bytes > mostBytes) {
      await reader?.cancel()
      throw tooLarge()
    }
    chunks.push(value)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(): Refusal {
  return new Refusal(413, 'The body is too large.')
}

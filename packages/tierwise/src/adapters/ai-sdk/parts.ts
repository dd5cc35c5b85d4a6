/** What the middleware needs of a model of the SDK, whatever its version. */
export interface SdkModel {
  readonly provider: string
  readonly modelId: string
}

/** What it needs of the parameters of a call. */
export interface SdkParams {
  readonly prompt?: unknown
  readonly abortSignal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly providerOptions?: Readonly<Record<string, unknown>> | undefined
}

/** Why a generation has ended, as the version 3 of the specification says it, and the version 2. */
type FinishReason = string | { readonly unified: string }

type ProviderMetadata = Readonly<Record<string, unknown>>

/** What it needs of a result. */
export interface SdkResult {
  readonly finishReason?: FinishReason
  readonly usage?: unknown
  readonly providerMetadata?: ProviderMetadata
  readonly request?: unknown
  readonly response?: Readonly<Record<string, unknown>>
}

/** What it needs of a part of a stream. */
export interface SdkPart extends SdkResult {
  readonly type: string
}

/** The part that says that a stream is whole. */
export function isFinish(part: unknown): part is SdkPart {
  return (part as SdkPart | null)?.type === 'finish'
}

/** The result or the finish among the parts, if no part is an error. */
export function endOf(response: unknown): SdkResult | undefined {
  if (!Array.isArray(response)) return response as SdkResult
  const parts = response as readonly SdkPart[]
  return parts.some(({ type }) => type === 'error') ? undefined : parts.findLast(isFinish)
}

/** `stop`, `length`, `tool-calls` and so on. */
export function reasonOf(end: SdkResult | undefined): string | undefined {
  const reason = end?.finishReason
  return typeof reason === 'object' ? reason.unified : reason
}

/** Tokens, which version 3 has in records and version 2 as numbers. */
export function tokensOf(end: SdkResult | undefined): {
  readonly inputTokens?: number
  readonly outputTokens?: number
} {
  const { inputTokens, outputTokens } = (end?.usage ?? {}) as Readonly<Record<string, unknown>>
  const [input, output] = [inputTokens, outputTokens].map(totalOf)
  return { ...(input !== undefined && { inputTokens: input }), ...(output !== undefined && { outputTokens: output }) }
}

function totalOf(tokens: unknown): number | undefined {
  const total: unknown = typeof tokens === 'object' ? (tokens as { readonly total?: unknown } | null)?.total : tokens
  return typeof total === 'number' ? total : undefined
}

/** What is kept of a result: not what was sent, nor what was received as it was; both can be large and have secrets. */
export function withoutTransport<R extends SdkResult>(result: R): R {
  const { request: _, response, ...kept } = result
  if (response === undefined) return kept as R
  const { headers: __, body: ___, ...said } = response
  return { ...kept, response: said } as R
}

/** The result or part, with what `providerMetadata.tierwise` is to say. */
export function marked<R extends SdkResult>(result: R, mark: Readonly<Record<string, unknown>>): R {
  return { ...result, providerMetadata: { ...result.providerMetadata, tierwise: mark } }
}

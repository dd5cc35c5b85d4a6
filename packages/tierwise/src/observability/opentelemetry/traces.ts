import type { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import { boolean, readOptions, shaped } from '../../base/option-reader.ts'
import type { TracedLoad, TracedOperation } from '../../core/tracing.ts'
import type { OpenTelemetryExport } from './metrics.ts'

/** What `openTelemetryTraces` takes. */
export interface OpenTelemetryTracesOptions {
  /** What makes the spans. @default the tracer `tierwise` of the global provider */
  readonly tracer?: Tracer
  /** Whether spans of loads have their keys, up to ten of a batch. @default false */
  readonly keys?: boolean
  /** What tiers are, by their names, as OpenTelemetry names databases. @default by name: redis, valkey and postgres */
  readonly systems?: Readonly<Record<string, string>>
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

const table = {
  tracer: shaped('a tracer', (raw): raw is Tracer => isObject(raw) && 'startSpan' in raw),
  keys: boolean,
  systems: shaped(
    'an object of texts by tier',
    (raw): raw is Readonly<Record<string, string>> =>
      isObject(raw) && Object.values(raw).every((value) => typeof value === 'string'),
  ),
}

const mostKeys = 10

const knownSystems: Readonly<Record<string, string>> = {
  redis: 'redis',
  valkey: 'redis',
  redisCluster: 'redis',
  postgres: 'postgresql',
}

/**
 * Makes a span of every load and of every operation of a tier, of all managers of the process: it subscribes to the
 * tracing channels `tierwise:load` and `tierwise:tier`. What a loader does becomes part of the span of its load. Errors
 * are told by their type, without their message.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const { stop } = openTelemetryTraces()
 * stop()
 */
export function openTelemetryTraces(options: OpenTelemetryTracesOptions = {}): OpenTelemetryExport {
  const read = readOptions(options, 'openTelemetryTraces', table)
  const { tracer = trace.getTracer('tierwise'), keys: withKeys = false, systems = {} } = read
  const stops = [
    spansOf<TracedLoad>('tierwise:load', tracer, ({ namespace, keys }) => ({
      name: `tierwise load ${namespace}`,
      kind: SpanKind.INTERNAL,
      attributes: {
        'tierwise.namespace': namespace,
        'tierwise.keys.count': keys.length,
        ...(withKeys ? { 'tierwise.keys': keys.slice(0, mostKeys) } : {}),
      },
    })),
    spansOf<TracedOperation>('tierwise:tier', tracer, ({ tier, operation }) => {
      const system = systems[tier] ?? knownSystems[tier]
      return {
        name: `tierwise ${operation} ${tier}`,
        kind: system === undefined ? SpanKind.INTERNAL : SpanKind.CLIENT,
        attributes: {
          'tierwise.tier': tier,
          'tierwise.operation': operation,
          ...(system === undefined ? {} : { 'db.system.name': system }),
        },
      }
    }),
  ]
  const stop = (): void => {
    for (const each of stops.splice(0)) each()
  }
  return { stop }
}

interface SpanDescription {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
}

type Message<T> = T & { readonly error?: unknown }

/** Spans for what is traced in a channel, until the function it returns is called. */
function spansOf<T extends object>(
  name: string,
  tracer: Tracer,
  describe: (message: T) => SpanDescription,
): () => void {
  const channel = tracingChannel<unknown, T>(name) as TracingChannel<unknown, Message<T>>
  const spans = new WeakMap<object, Span>()
  // What is bound to the channel is asked to run the traced function, and only that: any context will do.
  const store = {
    run: <R>(within: Context, next: () => R): R => context.with(within, next),
  } as unknown as AsyncLocalStorage<Context>
  const begin = (message: Message<T>): Context => {
    const { name: spanName, kind, attributes } = describe(message)
    const parent = context.active()
    const span = tracer.startSpan(spanName, { kind, attributes }, parent)
    spans.set(message, span)
    return trace.setSpan(parent, span)
  }
  const end = (message: unknown): void => {
    spans.get(message as object)?.end()
    spans.delete(message as object)
  }
  const fail = (message: unknown): void => {
    const span = spans.get(message as object)
    span?.setAttribute('error.type', typeOf((message as Message<T>).error))
    span?.setStatus({ code: SpanStatusCode.ERROR })
  }
  // A function that throws at once has no asynchronous end.
  const endIfThrown = (message: unknown): void => {
    if ((message as Message<T>).error !== undefined) end(message)
  }
  channel.start.bindStore(store, begin)
  channel.error.subscribe(fail)
  channel.end.subscribe(endIfThrown)
  channel.asyncEnd.subscribe(end)
  return () => {
    channel.start.unbindStore(store)
    channel.error.unsubscribe(fail)
    channel.end.unsubscribe(endIfThrown)
    channel.asyncEnd.unsubscribe(end)
  }
}

function typeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string') return code
  return typeof name === 'string' ? name : '_OTHER'
}

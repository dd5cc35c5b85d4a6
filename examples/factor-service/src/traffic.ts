import { Agent, request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom, zipf } from 'tierwise/testing'

import type { FactorRequest } from './factor-key.ts'
import type { Provenance } from './provenance.ts'

export interface TrafficOptions {
  /** `http://127.0.0.1:8080` */
  readonly origin: string
  /** Most popular first. */
  readonly factors: readonly FactorRequest[]
  readonly requests: number
  readonly seconds: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly onSend: (index: number) => void
  readonly onAnswer: (answer: Answer) => void
}

export interface Answer {
  /** Position in the plan. */
  readonly index: number
  /** 0 when there was no answer at all. */
  readonly status: number
  /** As the client saw it. */
  readonly ms: number
  readonly provenance: Provenance | undefined
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

const clients = 64

/**
 * Sends the planned requests over kept-alive connections at an even pace. A client waits for its answer before it sends
 * again, so a slow service is asked less often and catches up afterwards, as with real callers.
 */
export async function sendTraffic(options: TrafficOptions): Promise<void> {
  const { requests, seconds, signal } = options
  const plan = planCalls(options)
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const startedAt = performance.now()
  let next = 0
  const client = async (): Promise<void> => {
    while (next < requests && !signal.aborted) {
      const index = next++
      const early = startedAt + (index / requests) * seconds * 1000 - performance.now()
      if (early > 1) await sleep(early)
      options.onSend(index)
      options.onAnswer(await ask(plan[index] as Call, { index, origin: options.origin, agent }))
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  agent.destroy()
}

/** Each factor once, and from then on by popularity: one call in five is a calculation. */
function planCalls({ factors, requests, seed }: TrafficOptions): readonly Call[] {
  const random = seededRandom(seed)
  const rank = zipf(random, factors.length, 1)
  return Array.from({ length: requests }, (_, index) => {
    const { region, method } = factors[index] ?? (factors[rank()] as FactorRequest)
    if (random() >= 0.2) {
      const query = method === undefined ? '' : `?method=${method}`
      return { method: 'GET', path: `/factors/electricity/${region}${query}` }
    }
    const body = JSON.stringify({ kWh: Math.ceil(random() * 5000), region, method })
    return { method: 'POST', path: '/calculate', body }
  })
}

interface Sending {
  readonly index: number
  readonly origin: string
  readonly agent: Agent
}

async function ask(call: Call, { index, origin, agent }: Sending): Promise<Answer> {
  const startedAt = performance.now()
  try {
    const { status, body } = await exchange(call, origin, agent)
    const { provenance } = JSON.parse(body) as { provenance?: Provenance }
    return { index, status, ms: performance.now() - startedAt, provenance }
  } catch {
    return { index, status: 0, ms: performance.now() - startedAt, provenance: undefined }
  }
}

function exchange(call: Call, origin: string, agent: Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { method, path, body } = call
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    send(origin + path, { method, agent, headers })
      .on('error', reject)
      .on('response', (response) => {
        text(response).then((received) => resolve({ status: response.statusCode ?? 0, body: received }), reject)
      })
      .end(body)
  })
}

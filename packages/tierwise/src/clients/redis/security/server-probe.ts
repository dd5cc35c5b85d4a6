import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'

import type { Runtime } from '../../../contract/runtime.ts'
import { readCertificates, type RedisCertificate } from './certificate.ts'
import { refusalOfReply } from './refusal.ts'

export interface ProbeTarget {
  readonly host: string
  readonly port: number
  /** As the application's own connection uses them; undefined without TLS. */
  readonly tls: ConnectionOptions | undefined
}

/** What a stranger sees of a server. */
export interface ServerProbe {
  /** `host:port`. */
  readonly address: string
  /** Why the server could not be looked at: the code of the failure. */
  readonly failure: string | undefined
  /** Whether the server is on this host; undefined when it was not reached. */
  readonly isLoopback: boolean | undefined
  /** For example `TLSv1.3`; undefined without TLS. */
  readonly tlsVersion: string | undefined
  /** Why the certificate would not be accepted: the code of the failure. */
  readonly distrust: string | undefined
  /** The certificate of the server, then those it sent along. */
  readonly certificates: readonly RedisCertificate[]
  /** Whether the server works for a client without a password and a certificate; undefined when it did not say. */
  readonly servesStrangers: boolean | undefined
  /** Whether it turned away a client that showed no certificate. */
  readonly demandsCertificate: boolean
}

interface Sight {
  failure?: string
  isLoopback?: boolean
  tlsVersion?: string
  distrust?: string
  certificates: readonly RedisCertificate[]
  servesStrangers?: boolean
}

const longestReply = 4096

/** With TLS 1.2 the first, which OpenSSL 3.5 calls like the second; with TLS 1.3 the third. */
const certificateDemands = [
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
]

/**
 * Looks at the certificate of a server and asks for a PING, as a stranger would: without a password and a certificate.
 * Never rejects. A certificate that is not accepted is looked at all the same: nothing secret is sent.
 */
export async function probeServer(target: ProbeTarget, runtime: Runtime, timeoutMs: number): Promise<ServerProbe> {
  const { cert, key: _key, pfx, ...tls } = target.tls ?? {}
  const stranger = { ...target, tls: target.tls && tls }
  const seen = await probeOnce(stranger, runtime, timeoutMs)
  const demandsCertificate = seen.failure !== undefined && certificateDemands.includes(seen.failure)
  if (!demandsCertificate) return { ...seen, demandsCertificate }
  const shown = cert === undefined && pfx === undefined ? seen : await probeOnce(target, runtime, timeoutMs)
  return { ...shown, servesStrangers: false, demandsCertificate }
}

async function probeOnce(
  target: ProbeTarget,
  runtime: Runtime,
  timeoutMs: number,
): Promise<Omit<ServerProbe, 'demandsCertificate'>> {
  const sight: Sight = { certificates: [] }
  const socket = openSocket(target)
  const timer = runtime.timers.after(timeoutMs, () => socket.destroy(errorOfCode('ETIMEDOUT')))
  try {
    await look(socket, sight, runtime.clock.now())
  } catch (error) {
    sight.failure = codeOf(error)
  } finally {
    timer.cancel()
    socket.destroy()
  }
  return {
    address: `${target.host}:${target.port}`,
    failure: sight.failure,
    isLoopback: sight.isLoopback,
    tlsVersion: sight.tlsVersion,
    distrust: sight.distrust,
    certificates: sight.certificates,
    servesStrangers: sight.servesStrangers,
  }
}

function openSocket({ host, port, tls }: ProbeTarget): Socket | TLSSocket {
  return tls === undefined
    ? connectPlain({ host, port })
    : connectTls({ ...tls, host, port, rejectUnauthorized: false })
}

function look(socket: Socket | TLSSocket, sight: Sight, now: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let reply = ''
    socket.on('error', reject)
    socket.on('close', () => reject(errorOfCode('ECONNRESET')))
    socket.on('connect', () => {
      sight.isLoopback = isLoopback(socket.remoteAddress ?? '')
    })
    socket.on('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      try {
        if ('encrypted' in socket) inspect(socket, sight, now)
        socket.write('PING\r\n')
      } catch (error) {
        reject(error instanceof Error ? error : errorOfCode('UNKNOWN'))
      }
    })
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('latin1')
      if (!reply.includes('\r\n') && reply.length < longestReply) return
      const served = isServed(reply)
      if (served !== undefined) sight.servesStrangers = served
      resolve()
    })
  })
}

function inspect(socket: TLSSocket, sight: Sight, now: number): void {
  const version = socket.getProtocol()
  if (version !== null) sight.tlsVersion = version
  // The declared type is Error; what is there is the code as a text.
  if (!socket.authorized) sight.distrust = String(socket.authorizationError ?? 'UNKNOWN')
  sight.certificates = chainOf(socket.getPeerCertificate(true)).flatMap((raw, index) =>
    readCertificates(raw, index === 0 ? 'server' : 'intermediate', now),
  )
}

function chainOf(leaf: DetailedPeerCertificate): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  const seen = new Set<string>()
  // A root is its own issuer.
  for (let next: DetailedPeerCertificate | undefined = leaf; next?.raw && !seen.has(next.fingerprint256);) {
    seen.add(next.fingerprint256)
    chain.push(next.raw)
    next = next.issuerCertificate
  }
  return chain
}

function isServed(reply: string): boolean | undefined {
  if (reply.startsWith('+PONG')) return true
  // A user without a password who may not PING is a user all the same.
  const refusal = reply.startsWith('-') ? refusalOfReply(reply.slice(1).trimEnd()) : undefined
  if (refusal === undefined) return undefined
  return refusal.kind === 'permission'
}

/** Of an address, not of a name. */
function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === '::1'
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : 'UNKNOWN'
}

function errorOfCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}

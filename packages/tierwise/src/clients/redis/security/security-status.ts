import type { ConnectionOptions } from 'node:tls'

import { withDeadline } from '../../../base/deadline.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { TimeoutError } from '../../../errors.ts'
import type { RedisPort, RedisReply } from '../port.ts'
import { dangerousCommandsOf } from './acl-rules.ts'
import { readCertificates, type CertificateHolder, type RedisCertificate } from './certificate.ts'
import { findingsOf, type SecurityFinding } from './security-findings.ts'
import { levelOf, pointsOf, type SecurityFacts, type SecurityPoints } from './security-score.ts'
import type { SecuritySubject } from './security-subject.ts'
import { probeServer, type ServerProbe } from './server-probe.ts'

/** How secure a connection is. */
export interface RedisSecurityStatus {
  /** `high`: encrypted, verified, and strangers are refused. `medium`: encrypted, or strangers are refused. */
  readonly level: 'high' | 'medium' | 'low'
  /** 0 to 100. */
  readonly score: number
  readonly maxScore: 100
  /** At least 70 points and no critical finding. */
  readonly secure: boolean
  /** Where the points came from. */
  readonly points: readonly SecurityPoints[]
  /** Every weakness, the worst first. */
  readonly findings: readonly SecurityFinding[]
  /** What to do, the most urgent first. */
  readonly recommendations: readonly string[]
  /** Of the servers, of this client, and those it trusts. */
  readonly certificates: readonly RedisCertificate[]
  /** Version of the encryption that was agreed on, for example `TLSv1.3`; undefined without one. */
  readonly tlsVersion: string | undefined
  /** The ACL user of the connection; undefined when the server does not tell it. */
  readonly user: string | undefined
  /** Epoch milliseconds. */
  readonly checkedAt: number
}

export interface SecurityCheckParts {
  readonly subject: SecuritySubject
  readonly port: RedisPort
  readonly runtime: Runtime
  /** For each server that is looked at, and for what the connected one is asked. */
  readonly timeoutMs: number
}

interface ServerTale {
  readonly user: string | undefined
  readonly dangerousCommands: readonly string[] | undefined
  readonly listening: SecurityFacts['listening']
}

const secureScore = 70
const silent: ServerTale = {
  user: undefined,
  dangerousCommands: undefined,
  listening: { bind: undefined, protectedMode: undefined },
}

/** Looks at every server from outside, and asks the connected one about its user. Changes nothing. */
export async function checkSecurity(parts: SecurityCheckParts): Promise<RedisSecurityStatus> {
  const { subject, runtime, timeoutMs } = parts
  const now = runtime.clock.now()
  const { tls, passwordLength } = subject
  const endpoints = await endpointsOf(parts)
  const [tale, ...probes] = await Promise.all([
    hearServer(parts),
    ...endpoints.map((endpoint) => probeServer({ ...endpoint, tls }, runtime, timeoutMs)),
  ])
  const certificates = allCertificates(probes, tls, now)
  const usage = tls && { verifies: tls.rejectUnauthorized !== false, minVersion: tls.minVersion ?? 'TLSv1.2' }
  return judge({ passwordLength, tls: usage, probes, certificates, ...tale }, now)
}

function judge(facts: SecurityFacts, now: number): RedisSecurityStatus {
  const points = pointsOf(facts)
  const findings = findingsOf(facts, now)
  const score = points.reduce((sum, { earned }) => sum + earned, 0)
  return {
    level: levelOf(facts),
    score,
    maxScore: 100,
    secure: score >= secureScore && findings.every(({ severity }) => severity !== 'critical'),
    points,
    findings,
    recommendations: [...new Set(findings.map(({ advice }) => advice))],
    certificates: facts.certificates,
    tlsVersion: facts.probes.find(({ tlsVersion }) => tlsVersion !== undefined)?.tlsVersion,
    user: facts.user,
    checkedAt: now,
  }
}

/** The primaries as they are now; what the options say while there is no connection. */
async function endpointsOf(parts: SecurityCheckParts): Promise<SecuritySubject['endpoints']> {
  const { endpoints } = parts.subject
  if (!parts.port.isReady) return endpoints
  const primaries = await inTime(parts.port.primaries(), parts).catch(() => [])
  const found = primaries.flatMap(({ address }) => {
    const colon = address.lastIndexOf(':')
    const port = Number(address.slice(colon + 1))
    const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    return colon > 0 && Number.isInteger(port) && port > 0 ? [{ host, port }] : []
  })
  return found.length > 0 ? found : endpoints
}

async function hearServer(parts: SecurityCheckParts): Promise<ServerTale> {
  if (!parts.port.isReady) return silent
  const [answer, protectedMode, bind] = await Promise.all([
    ask(parts, 'ACL', 'WHOAMI'),
    configOf(parts, 'protected-mode'),
    configOf(parts, 'bind'),
  ])
  const user = answer === refused ? parts.subject.username : textOf(answer)
  const dangerousCommands = answer === refused ? [] : await rightsOf(parts, user)
  return { user, dangerousCommands, listening: { bind, protectedMode } }
}

/** A user who may not read rules is no administrator: nothing dangerous is known of it. */
async function rightsOf(parts: SecurityCheckParts, user: string | undefined): Promise<readonly string[] | undefined> {
  if (user === undefined) return undefined
  const rules = await ask(parts, 'ACL', 'GETUSER', user)
  if (rules === refused) return []
  if (!Array.isArray(rules)) return undefined
  const sets = [rules, ...selectorsOf(rules)].map((each) => textOf(valueOf(each, 'commands')))
  return [...new Set(sets.flatMap((each) => dangerousCommandsOf(each ?? '')))]
}

/** Servers from version 7 on have further sets of rules for the same user. */
function selectorsOf(rules: readonly RedisReply[]): readonly (readonly RedisReply[])[] {
  const selectors = valueOf(rules, 'selectors')
  return Array.isArray(selectors) ? selectors.filter((each) => Array.isArray(each)) : []
}

async function configOf(parts: SecurityCheckParts, name: string): Promise<string | undefined> {
  const reply = await ask(parts, 'CONFIG', 'GET', name)
  return Array.isArray(reply) ? textOf(reply[1]) : undefined
}

const refused = Symbol('refused')

type Answer = RedisReply | typeof refused | undefined

/** `refused` when the user may not ask; undefined when the server does not know the command or does not answer. */
async function ask(parts: SecurityCheckParts, ...args: readonly string[]): Promise<Answer> {
  try {
    return await inTime(parts.port.send({ args }), parts)
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'NOPERM' ? refused : undefined
  }
}

function inTime<T>(work: Promise<T>, { runtime, timeoutMs }: SecurityCheckParts): Promise<T> {
  const error = (): Error => new TimeoutError('Redis did not answer in time', { code: 'ERR_CACHE_TIER_TIMEOUT' })
  return withDeadline(work, timeoutMs, { timers: runtime.timers, error })
}

function valueOf(pairs: readonly RedisReply[], name: string): RedisReply | undefined {
  const index = pairs.findIndex((item, at) => at % 2 === 0 && textOf(item) === name)
  return index < 0 ? undefined : pairs[index + 1]
}

function textOf(reply: Answer): string | undefined {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return typeof reply === 'string' ? reply : undefined
}

/** A certificate that both a server sends and this client trusts is listed once. */
function allCertificates(
  probes: readonly ServerProbe[],
  tls: ConnectionOptions | undefined,
  now: number,
): readonly RedisCertificate[] {
  const own = [...certificatesOf(tls?.cert, 'client', now), ...certificatesOf(tls?.ca, 'authority', now)]
  const all = [...probes.flatMap(({ certificates }) => certificates), ...own]
  return [...new Map(all.map((each) => [each.fingerprint, each])).values()]
}

/** An option that is no certificate makes the connection fail; here it is left out. */
function certificatesOf(
  pem: ConnectionOptions['cert'],
  holder: CertificateHolder,
  now: number,
): readonly RedisCertificate[] {
  const texts = pem === undefined ? [] : Array.isArray(pem) ? pem : [pem]
  try {
    return texts.flatMap((text) => readCertificates(text, holder, now))
  } catch {
    return []
  }
}

import type { RedisCertificate } from './certificate.ts'
import type { ServerProbe } from './server-probe.ts'

export type SecurityCriterion =
  | 'authentication'
  | 'user'
  | 'secret'
  | 'permissions'
  | 'encryption'
  | 'verification'
  | 'tls-version'
  | 'certificate'

/** What a criterion gave. All criteria together give at most 100. */
export interface SecurityPoints {
  readonly criterion: SecurityCriterion
  readonly earned: number
  readonly possible: number
}

/** What is known of a connection and its servers. Has the length of the password and nothing else of it. */
export interface SecurityFacts {
  /** Undefined without a password. */
  readonly passwordLength: number | undefined
  /** How this client uses TLS; undefined without TLS. */
  readonly tls: { readonly verifies: boolean; readonly minVersion: string } | undefined
  readonly probes: readonly ServerProbe[]
  /** Of the servers and of this client, those it trusts included. */
  readonly certificates: readonly RedisCertificate[]
  /** Undefined when the server does not tell it. */
  readonly user: string | undefined
  /** Dangerous commands that the user may run; undefined when the server does not tell it. */
  readonly dangerousCommands: readonly string[] | undefined
  /** `bind` and `protected-mode` of the server; undefined when it does not tell them. */
  readonly listening: { readonly bind: string | undefined; readonly protectedMode: string | undefined }
}

const possible: Readonly<Record<SecurityCriterion, number>> = {
  authentication: 20,
  user: 10,
  secret: 10,
  permissions: 10,
  encryption: 20,
  verification: 10,
  'tls-version': 5,
  certificate: 15,
}

export const secretSteps = { strong: 16, acceptable: 12 } as const
export const certificateSteps = { far: 90, near: 30, close: 7 } as const

export function pointsOf(facts: SecurityFacts): readonly SecurityPoints[] {
  const earned: Readonly<Record<SecurityCriterion, number>> = {
    authentication: isAuthenticated(facts) ? 20 : 0,
    user: isNamedUser(facts) ? 10 : 0,
    secret: secretPoints(facts),
    permissions: facts.dangerousCommands?.length === 0 ? 10 : 0,
    encryption: facts.tls === undefined ? 0 : 20,
    verification: isVerified(facts) ? 10 : 0,
    'tls-version': facts.tls !== undefined && isModern(facts.tls.minVersion) ? 5 : 0,
    certificate: facts.tls === undefined ? 0 : certificatePoints(facts.certificates),
  }
  const criteria = Object.keys(possible) as SecurityCriterion[]
  return criteria.map((criterion) => ({ criterion, earned: earned[criterion], possible: possible[criterion] }))
}

/** `high`: encrypted, authenticated and verified. `medium`: encrypted or authenticated. */
export function levelOf(facts: SecurityFacts): 'high' | 'medium' | 'low' {
  const isEncrypted = facts.tls !== undefined
  if (isEncrypted && isAuthenticated(facts) && isVerified(facts)) return 'high'
  return isEncrypted || isAuthenticated(facts) ? 'medium' : 'low'
}

/** Every server turns strangers away. What the options say does not count: a server may not ask for the password. */
function isAuthenticated({ probes }: SecurityFacts): boolean {
  return probes.length > 0 && probes.every(({ servesStrangers }) => servesStrangers === false)
}

export function isNamedUser({ user }: SecurityFacts): boolean {
  return user !== undefined && user !== 'default'
}

function isVerified({ tls, probes }: SecurityFacts): boolean {
  return (
    tls !== undefined && tls.verifies && probes.length > 0 && probes.every(({ distrust }) => distrust === undefined)
  )
}

export function isModern(version: string): boolean {
  return version === 'TLSv1.2' || version === 'TLSv1.3'
}

/** A private key that every server demands is as good as a long password. */
export function provesByCertificate({ probes }: SecurityFacts): boolean {
  return probes.length > 0 && probes.every(({ demandsCertificate }) => demandsCertificate)
}

function secretPoints(facts: SecurityFacts): number {
  const length = facts.passwordLength ?? 0
  if (!isAuthenticated(facts)) return 0
  if (length >= secretSteps.strong || provesByCertificate(facts)) return 10
  return length >= secretSteps.acceptable ? 5 : 0
}

/** The one that ends first decides. */
function certificatePoints(certificates: readonly RedisCertificate[]): number {
  const left = Math.min(...certificates.map(({ daysLeft }) => daysLeft))
  if (!Number.isFinite(left)) return 0
  if (left > certificateSteps.far) return 15
  if (left > certificateSteps.near) return 10
  return left > certificateSteps.close ? 5 : 0
}

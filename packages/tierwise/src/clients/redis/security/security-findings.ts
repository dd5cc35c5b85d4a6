import type { RedisCertificate } from './certificate.ts'
import {
  certificateSteps,
  isModern,
  isNamedUser,
  provesByCertificate,
  secretSteps,
  type SecurityFacts,
} from './security-score.ts'

export type SecurityCode =
  | 'unreachable'
  | 'no-authentication'
  | 'default-user'
  | 'password-short'
  | 'dangerous-permissions'
  | 'permissions-unknown'
  | 'unencrypted'
  | 'verification-off'
  | 'tls-version-low'
  | 'certificate-refused'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-expires'
  | 'exposed'

/** One weakness. */
export interface SecurityFinding {
  readonly code: SecurityCode
  /** A connection with a `critical` finding is never secure. */
  readonly severity: 'info' | 'warning' | 'critical'
  /** What is so. */
  readonly message: string
  /** What to do. */
  readonly advice: string
}

type Rule = (facts: SecurityFacts) => readonly SecurityFinding[]

const order: readonly SecurityFinding['severity'][] = ['critical', 'warning', 'info']
const critical = ofSeverity('critical')
const warning = ofSeverity('warning')
const info = ofSeverity('info')

function ofSeverity(severity: SecurityFinding['severity']) {
  return (code: SecurityCode, message: string, advice: string): SecurityFinding => ({ code, severity, message, advice })
}

/** Every weakness, the worst first. */
export function findingsOf(facts: SecurityFacts, now: number): readonly SecurityFinding[] {
  const found = rules.flatMap((rule) => rule(facts)).concat(facts.certificates.flatMap((each) => datesOf(each, now)))
  return found.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}

const rules: readonly Rule[] = [
  function reach({ probes }) {
    const advice = 'Check address, port, firewall and TLS settings, then look again'
    return probes.flatMap(({ address, failure }) =>
      failure === undefined ? [] : [warning('unreachable', `${address} could not be looked at: ${failure}`, advice)],
    )
  },

  function authentication({ probes }) {
    const open = probes.filter(({ servesStrangers }) => servesStrangers === true)
    const advice = 'Set requirepass or ACL users, and switch the default user off'
    return open.map(({ address, isLoopback }) =>
      (isLoopback ? warning : critical)('no-authentication', `${address} answers without a password`, advice),
    )
  },

  function exposure({ listening: { bind, protectedMode }, probes }) {
    if (bind === undefined || !isEverywhere(bind)) return []
    const isOpen = protectedMode === 'no' && probes.some(({ servesStrangers }) => servesStrangers === true)
    const message = `The server listens on every address${isOpen ? ' and serves anybody' : ''}`
    const advice = 'Bind it to addresses of a private network, and leave protected-mode on'
    return [(isOpen ? critical : info)('exposed', message, advice)]
  },

  function user(facts) {
    if (facts.user === undefined || isNamedUser(facts)) return []
    const advice = 'Give each application an ACL user of its own, with only the rights it needs'
    return [info('default-user', 'The connection works as the user default', advice)]
  },

  function secret(facts) {
    const { passwordLength: length } = facts
    if (length === undefined || length >= secretSteps.strong || provesByCertificate(facts)) return []
    const isWeak = length < secretSteps.acceptable
    const message = `The password is shorter than ${isWeak ? secretSteps.acceptable : secretSteps.strong} characters`
    const advice = 'Use 16 random characters or more, and change them regularly'
    return [(isWeak ? warning : info)('password-short', message, advice)]
  },

  function permissions({ user: name = 'of this connection', dangerousCommands }) {
    if (dangerousCommands === undefined) {
      const advice = 'Connect to a server of version 6 or newer, and look again'
      return [info('permissions-unknown', 'The rights of the user could not be read', advice)]
    }
    if (dangerousCommands.length === 0) return []
    const message = `The user ${name} may run ${dangerousCommands.join(', ')}`
    return [warning('dangerous-permissions', message, 'Take these rights away: +@all -@admin -@dangerous +info')]
  },

  function encryption({ tls, probes }) {
    if (tls !== undefined) return []
    const advice = 'Use TLS: a rediss:// address or the option tls'
    if (isLocal(probes)) return [info('unencrypted', 'The connection is not encrypted; it stays on this host', advice)]
    return [critical('unencrypted', 'Passwords and values travel unencrypted', advice)]
  },

  function verification({ tls, probes }) {
    if (tls === undefined || tls.verifies) return []
    const message = 'The certificate of the server is not verified: anybody may answer in its place'
    const advice = 'Remove rejectUnauthorized: false and give the authority of the server as ca'
    return [(isLocal(probes) ? warning : critical)('verification-off', message, advice)]
  },

  function trust({ probes }) {
    const advice = 'Give the authority of the server as ca, and a servername that its certificate has'
    return probes.flatMap(({ address, distrust }) =>
      distrust === undefined
        ? []
        : [critical('certificate-refused', `The certificate of ${address} is not acceptable: ${distrust}`, advice)],
    )
  },

  function version({ tls }) {
    if (tls === undefined || isModern(tls.minVersion)) return []
    const message = `Versions of TLS from ${tls.minVersion} on are accepted`
    return [warning('tls-version-low', message, 'Remove minVersion, or set it to TLSv1.2 or TLSv1.3')]
  },
]

function datesOf(certificate: RedisCertificate, now: number): readonly SecurityFinding[] {
  const { holder, subject, daysLeft, validFrom, validTo } = certificate
  const who = `The certificate of the ${holder} (${subject})`
  if (validTo <= now) return [critical('certificate-expired', `${who} has expired`, 'Renew it now')]
  if (validFrom > now) {
    const advice = 'Check the clocks of this host and of the authority'
    return [critical('certificate-not-yet-valid', `${who} is not valid yet`, advice)]
  }
  if (daysLeft > certificateSteps.far) return []
  const advice = daysLeft > certificateSteps.close ? 'Plan its renewal' : 'Renew it this week, or connections fail'
  const weigh = daysLeft > certificateSteps.near ? info : warning
  return [weigh('certificate-expires', `${who} expires in ${daysLeft} days`, advice)]
}

function isLocal(probes: SecurityFacts['probes']): boolean {
  return probes.length > 0 && probes.every(({ isLoopback }) => isLoopback === true)
}

/** `bind` with its `-` for addresses that may be missing; empty means every address. */
function isEverywhere(bind: string): boolean {
  const addresses = bind.split(/\s+/).map((address) => address.replace(/^-/, ''))
  return addresses.some((address) => ['', '*', '0.0.0.0', '::', '::*'].includes(address))
}

import type { RedisHealth, RedisSecurityStatus } from 'tierwise/redis'
import type { Finding, Severity } from '../finding.ts'

/** What the examination judges itself, for what the configuration needs, and better than in general. */
const ownRules = new Set([
  'memory-high',
  'memory-full',
  'memory-unlimited',
  'latency-high',
  'facts-hidden',
  'restarted',
])

const healthSeverities = { critical: 'failure', warning: 'warning', info: 'advice' } as const

export function healthFindings({ findings }: RedisHealth): readonly Finding[] {
  return findings.flatMap(({ code, severity, address, message, advice }) =>
    ownRules.has(code)
      ? []
      : [
          {
            severity: healthSeverities[severity],
            code,
            ...(address === undefined ? {} : { server: address }),
            message,
            advice,
          },
        ],
  )
}

/**
 * Nobody may come in without a password, and a certificate that is refused stops the application. Without encryption
 * much works well in a private network, which cannot be seen from here.
 */
const failures = new Set([
  'no-authentication',
  'certificate-expired',
  'certificate-not-yet-valid',
  'certificate-refused',
  'exposed',
])

export function securityFindings({ findings }: RedisSecurityStatus): readonly Finding[] {
  return findings.map(({ code, severity, message, advice }) => ({
    severity: severityOf(code, severity),
    code: `security-${code}`,
    message,
    advice,
  }))
}

function severityOf(code: string, severity: 'critical' | 'warning' | 'info'): Severity {
  if (severity !== 'critical') return healthSeverities[severity]
  return failures.has(code) ? 'failure' : 'warning'
}

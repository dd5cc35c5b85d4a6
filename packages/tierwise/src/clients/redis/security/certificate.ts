import { X509Certificate } from 'node:crypto'

/** Whose certificate it is: the server's, one that the server sent along, this client's, or one that is trusted. */
export type CertificateHolder = 'server' | 'intermediate' | 'client' | 'authority'

/** A certificate as far as an operator needs it. */
export interface RedisCertificate {
  readonly holder: CertificateHolder
  readonly subject: string
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly validFrom: number
  /** Epoch milliseconds. */
  readonly validTo: number
  /** Whole days until it ends; negative once it has ended. */
  readonly daysLeft: number
  /** SHA-256, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string
}

const dayMs = 86_400_000
const pemBlocks = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** Describes every certificate of a PEM text, or the one of a DER. Throws for bytes that are neither. */
export function readCertificates(
  bytes: string | Uint8Array,
  holder: CertificateHolder,
  now: number,
): readonly RedisCertificate[] {
  const blocks: readonly (string | Uint8Array)[] = Buffer.from(bytes).toString('latin1').match(pemBlocks) ?? [bytes]
  return blocks.map((block) => describe(new X509Certificate(block), holder, now))
}

function describe(certificate: X509Certificate, holder: CertificateHolder, now: number): RedisCertificate {
  const validTo = Date.parse(certificate.validTo)
  return {
    holder,
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    validFrom: Date.parse(certificate.validFrom),
    validTo,
    daysLeft: Math.floor((validTo - now) / dayMs),
    fingerprint: certificate.fingerprint256,
  }
}

/** Node separates the parts of a name by line breaks; a name without parts is undefined in spite of its type. */
function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ')
}

import type { RedisTlsOptions } from './options.ts'

/** The options of `tls.connect`. */
export function tlsConnectOptions(tls: RedisTlsOptions): object {
  return { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...tls }
}

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRuntime } from '../../base/runtime.ts'
import { findProgram, missingProgram, runProgram } from './program.ts'

export interface CertificateOptions {
  /** Names and addresses the server certificate is for. Default: `localhost` and `127.0.0.1`. */
  readonly serverNames?: readonly string[]
  /** Time until the server certificate expires, in milliseconds; below zero it has expired. Default: a year. */
  readonly serverExpiresInMs?: number
  /** The same of the client certificate. */
  readonly clientExpiresInMs?: number
}

/** A certificate and its key, as PEM text and as files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly certPath: string
  readonly keyPath: string
}

/** A certificate authority of its own and what it has signed. */
export interface Certificates {
  /** Certificate of the authority. */
  readonly ca: string
  readonly caPath: string
  readonly server: CertificateFiles
  readonly client: CertificateFiles
}

const dayMs = 24 * 60 * 60_000
const yearMs = 365 * dayMs

const authority = `
[ca]
default_ca = throwaway
[throwaway]
certificate = ca.crt
private_key = ca.key
new_certs_dir = .
default_md = sha256
policy = names
rand_serial = yes
unique_subject = no
[names]
commonName = supplied
`

/** Makes a throw-away authority in the folder, which signs a certificate for the server and one for its clients. */
export async function makeCertificates(folder: string, options: CertificateOptions = {}): Promise<Certificates> {
  const { serverNames = ['localhost', '127.0.0.1'], serverExpiresInMs = yearMs, clientExpiresInMs = yearMs } = options
  const workshop = new CertificateWorkshop(folder)
  await writeFile(join(folder, 'ca.cnf'), authority)
  await workshop.openssl([
    'req',
    '-x509',
    ...newKey('ca'),
    '-days',
    '3650',
    '-subj',
    '/CN=Throw-away CA',
    '-out',
    'ca.crt',
  ])
  const names = serverNames.map((name) => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`)
  const [server, client] = await Promise.all([
    workshop.issue({
      name: 'server',
      expiresInMs: serverExpiresInMs,
      extensions: `extendedKeyUsage = serverAuth\nsubjectAltName = ${names.join(', ')}\n`,
    }),
    workshop.issue({ name: 'client', expiresInMs: clientExpiresInMs, extensions: 'extendedKeyUsage = clientAuth\n' }),
  ])
  const caPath = join(folder, 'ca.crt')
  return { ca: await readFile(caPath, 'utf8'), caPath, server, client }
}

interface Order {
  readonly name: string
  readonly expiresInMs: number
  readonly extensions: string
}

class CertificateWorkshop {
  readonly #folder: string
  readonly #program: string

  constructor(folder: string) {
    this.#folder = folder
    const program = findProgram(['openssl'])
    if (program === undefined) throw missingProgram('openssl', 'openssl')
    this.#program = program
  }

  async openssl(args: readonly string[]): Promise<void> {
    await runProgram(this.#program, args, { cwd: this.#folder })
  }

  /** `openssl ca` is used because it alone takes both dates in every version 3. Each order has its own list. */
  async issue({ name, expiresInMs, extensions }: Order): Promise<CertificateFiles> {
    const files = { database: `${name}.index`, config: `${name}.cnf` }
    await writeFile(join(this.#folder, files.database), '')
    const config = `${authority.replace('[throwaway]', `[throwaway]\ndatabase = ${files.database}`)}[leaf]\n${extensions}`
    await writeFile(join(this.#folder, files.config), config)
    await this.openssl(['req', '-new', ...newKey(name), '-subj', `/CN=tierwise test ${name}`, '-out', `${name}.csr`])
    const now = systemRuntime().clock.now()
    const end = now + expiresInMs
    const dates = ['-startdate', asn1Time(Math.min(now, end) - dayMs), '-enddate', asn1Time(end)]
    const paper = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extensions', 'leaf', '-notext']
    await this.openssl(['ca', '-batch', '-config', files.config, ...dates, ...paper])
    const certPath = join(this.#folder, `${name}.crt`)
    const keyPath = join(this.#folder, `${name}.key`)
    return { certPath, keyPath, cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') }
  }
}

function newKey(name: string): readonly string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`]
}

/** `20261121094500Z` */
function asn1Time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
}

import { BlockList, isIP } from 'node:net'

import { ConfigError } from '../index.ts'

/**
 * Addresses that are allowed: single ones and CIDR blocks, IPv4 and IPv6. An IPv4 address in IPv6 form (`::ffff:10.0.0.1`, as a
 * socket that listens on both has it) is the IPv4 address.
 */
export class AddressList {
  readonly #allowed = new BlockList()

  /** @throws ConfigError ERR_CACHE_OPTION */
  constructor(entries: readonly string[], path: string) {
    for (const [index, entry] of entries.entries()) if (!this.#add(entry)) throw wrongEntry(entry, `${path}[${index}]`)
  }

  /** False for what is no address. */
  has(address: string | undefined): boolean {
    const [bare = ''] = (address ?? '').split('%')
    const kind = isIP(bare)
    return kind !== 0 && this.#allowed.check(bare, kind === 4 ? 'ipv4' : 'ipv6')
  }

  #add(entry: unknown): boolean {
    if (typeof entry !== 'string') return false
    const [address = '', bits, ...more] = entry.split('/')
    const kind = isIP(address)
    if (kind === 0 || address.includes('%') || more.length > 0) return false
    const family = kind === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) this.#allowed.addAddress(address, family)
    else if (/^\d{1,3}$/.test(bits) && Number(bits) <= (kind === 4 ? 32 : 128))
      this.#allowed.addSubnet(address, Number(bits), family)
    else return false
    return true
  }
}

function wrongEntry(entry: unknown, path: string): ConfigError {
  const shown = typeof entry === 'string' ? `'${entry.slice(0, 60)}'` : `a value of type ${typeof entry}`
  return new ConfigError(
    `\`${path}\` is ${shown}; it must be an address or a block like '10.0.0.0/8' or '2001:db8::/32'.`,
    {
      code: 'ERR_CACHE_OPTION',
    },
  )
}

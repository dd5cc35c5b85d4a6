import { optionError, text, type OptionReader } from '../base/option-reader.ts'
import { ConfigError } from '../index.ts'
import { checkSecret, isSameDigest, macOf, type Secret } from './secrets.ts'

/** A secret of the server that digests of keys are made with, so that who can write to the store cannot make a key. */
export interface Pepper {
  /** Is kept with each digest; never given to another secret. */
  readonly id: string
  /** At least 32 bytes. */
  readonly secret: Secret
}

/** HMAC-SHA-256 of a whole key. */
export interface PepperedDigest {
  readonly pepper: string
  readonly digest: string
}

/** Makes digests with the first pepper, and checks those of all. */
export class Peppers {
  readonly #first: Pepper
  readonly #all: readonly Pepper[]

  constructor(all: readonly [Pepper, ...Pepper[]]) {
    this.#first = all[0]
    this.#all = all
  }

  digestOf(key: string): PepperedDigest {
    return digestWith(this.#first, key)
  }

  /** One HMAC for each pepper that the digests are of, and one when there are none: an unknown key costs as much as a wrong one. */
  isAmong(digests: readonly PepperedDigest[], key: string): boolean {
    const used = this.#all.filter(({ id }) => digests.some(({ pepper }) => pepper === id))
    const made = (used.length === 0 ? [this.#first] : used).map((pepper) => digestWith(pepper, key))
    return made.some((one) =>
      digests.some((each) => each.pepper === one.pepper && isSameDigest(each.digest, one.digest)),
    )
  }
}

/** @throws ConfigError ERR_CACHE_OPTION */
export const peppersOption: OptionReader<Peppers> = (raw, path) => {
  if (!Array.isArray(raw) || raw.length === 0)
    throw optionError(path, raw === undefined ? raw : {}, 'a list of at least one `{ id, secret }`')
  const read = raw.map((each: Partial<Pepper>, index) => ({
    id: text(each.id, `${path}[${index}].id`),
    secret: checkSecret(each.secret, `${path}[${index}].secret`, 32),
  }))
  if (new Set(read.map(({ id }) => id)).size < read.length)
    throw new ConfigError(`\`${path}\` has an id twice.`, { code: 'ERR_CACHE_OPTION' })
  return new Peppers(read as unknown as readonly [Pepper, ...Pepper[]])
}

function digestWith({ id, secret }: Pepper, key: string): PepperedDigest {
  return { pepper: id, digest: macOf(secret, key).toString('base64url') }
}

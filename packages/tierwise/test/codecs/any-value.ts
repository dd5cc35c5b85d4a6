import fc from 'fast-check'

/** Strings of UTF-16 code units, lone surrogates among them. */
const anyString: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string() },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })))
      .map((units) => String.fromCharCode(...units)),
  },
)

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    -(2 ** 63),
    Number.MIN_VALUE,
    Number.MAX_VALUE,
  ),
)

const anyBigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc
    .tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: -1, max: 1 }), fc.boolean())
    .map(([bits, off, negative]) => {
      const value = 2n ** BigInt(bits) + BigInt(off)
      return negative ? -value : value
    }),
)

const anyDate = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.integer({ min: -8.64e15, max: 8.64e15 }).map((ms) => new Date(ms)),
  fc.integer({ min: -5000, max: 5000 }).map((ms) => new Date(ms)),
)

const views = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]

/** Bytes of every type, as views into the middle of a larger buffer too. */
const anyBytes: fc.Arbitrary<object> = fc
  .tuple(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('buffer', 'ArrayBuffer', 'DataView', ...views),
    fc.constantFrom(0, 8),
  )
  .map(([bytes, type, offset]) => {
    const buffer = new ArrayBuffer(offset + bytes.length)
    new Uint8Array(buffer).set(bytes, offset)
    if (type === 'buffer') return Buffer.from(buffer, offset)
    if (type === 'DataView') return new DataView(buffer, offset)
    if (typeof type === 'string') return buffer
    return new type(buffer, offset, Math.floor(bytes.length / type.BYTES_PER_ELEMENT))
  })

const anyRegexp = fc
  .tuple(fc.stringMatching(/^[a-z.\\/()*]{0,8}$/), fc.constantFrom('', 'g', 'giu', 'smy'))
  .map(([source, flags]) => {
    try {
      return new RegExp(source, flags)
    } catch {
      return /fallback/
    }
  })

const anyUrl = fc.webUrl({ withFragments: true, withQueryParameters: true }).map((url) => new URL(url))

const anyKey = fc.oneof(
  { weight: 5, arbitrary: anyString },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '__proto__',
      'constructor',
      'toJSON',
      'hasOwnProperty',
      'then',
      '$date',
      '$',
      'length',
      '0',
      '-1',
    ),
  },
)

function anyObject(part: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  const properties = fc.array(fc.tuple(anyKey, part), { maxLength: 6 })
  return fc.tuple(properties, fc.integer({ min: 0, max: 5 })).map(([entries, kind]) => {
    const target = kind === 0 ? (Object.create(null) as object) : {}
    for (const [key, value] of entries) {
      Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
    }
    return target
  })
}

const errorClasses = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError] as const

function anyError(part: fc.Arbitrary<unknown>): fc.Arbitrary<Error> {
  const parts = fc.record({
    Class: fc.constantFrom(...errorClasses),
    message: anyString,
    name: fc.option(anyString, { nil: undefined }),
    cause: fc.option(fc.tuple(part), { nil: undefined }),
    code: fc.option(part, { nil: undefined }),
    errors: fc.option(fc.array(part, { maxLength: 3 }), { nil: undefined }),
  })
  return parts.map(({ Class, message, name, cause, code, errors }) => {
    const options = cause === undefined ? undefined : { cause: cause[0] }
    const error = errors === undefined ? new Class(message, options) : new AggregateError(errors, message, options)
    if (name !== undefined) Object.defineProperty(error, 'name', { value: name, writable: true, configurable: true })
    return code === undefined ? error : Object.assign(error, { code })
  })
}

/** Any value that the built-in codecs promise to carry. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => {
  const part = tie('value')
  const few = { maxLength: 6, depthIdentifier: 'value' } as const
  const value = fc.oneof(
    { depthSize: 'small', withCrossShrink: true, depthIdentifier: 'value' },
    fc.constantFrom(null, true, false, undefined),
    anyNumber,
    anyString,
    anyBigint,
    anyDate,
    anyBytes,
    anyRegexp,
    anyUrl,
    fc.array(part, few),
    anyObject(part),
    fc.array(fc.tuple(part, part), few).map((entries) => new Map(entries)),
    fc.array(part, few).map((items) => new Set(items)),
    anyError(part),
  )
  return { value }
}).value

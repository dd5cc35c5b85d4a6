/** What a state is made of. Numbers are whole, from 0 to 254. */
type Shape = number | readonly Shape[] | { readonly [name: string]: Shape }

/** Copies and encodes the states of one model. */
export interface StateCode<S> {
  /** A deep copy, except that elements of lists which are empty in the sample are shared: they must never be changed. */
  copy(state: S): S
  /** A short string, equal for equal states. */
  encode(state: S): string
}

const LIST_END = 255
const codes = Buffer.alloc(4096)

/**
 * Writes the code of a copier and an encoder for the shape of `sample`. Walking the shape anew for each state would
 * take most of the time of an exploration.
 */
export function compileStateCode<S extends object>(sample: S): StateCode<S> {
  const shape = sample as unknown as Shape
  // oxlint-disable-next-line typescript/no-implied-eval -- made of the names of fields in the models
  const copy = new Function('s', `return ${copier(shape, 's', 0)}`) as (state: S) => S
  // oxlint-disable-next-line typescript/no-implied-eval
  const fill = new Function('s', 'codes', 'write', `let at = 0\n${encoder(shape, 's', 0)}\nreturn at`) as Encoder<S>
  return { copy, encode: (state) => codes.toString('latin1', 0, fill(state, codes, write)) }
}

type Encoder<S> = (state: S, into: Buffer, writeShape: typeof write) => number

/** An expression that copies what `from` is. */
function copier(shape: Shape, from: string, depth: number): string {
  if (typeof shape === 'number') return from
  if (isList(shape)) {
    const element = `e${depth}`
    return shape.length === 0
      ? `${from}.slice()`
      : `${from}.map((${element}) => ${copier(shape[0]!, element, depth + 1)})`
  }
  const fields = Object.entries(shape).map(([name, field]) => `${name}: ${copier(field, `${from}.${name}`, depth)}`)
  return `({ ${fields.join(', ')} })`
}

/** Statements that append what `from` is to `codes`. */
function encoder(shape: Shape, from: string, depth: number): string {
  if (typeof shape === 'number') return `at = write(${from}, at)`
  if (isList(shape)) {
    const element = `e${depth}`
    const each = shape.length === 0 ? `at = write(${element}, at)` : encoder(shape[0]!, element, depth + 1)
    return `for (const ${element} of ${from}) { ${each} }\ncodes[at++] = ${LIST_END}`
  }
  return Object.entries(shape)
    .map(([name, field]) => encoder(field, `${from}.${name}`, depth))
    .join('\n')
}

const isList = (shape: Shape): shape is readonly Shape[] => Array.isArray(shape)

function write(shape: Shape, from: number): number {
  if (typeof shape === 'number') {
    // A number beyond a byte would make different states look equal.
    if (!(shape >= 0 && shape < LIST_END)) throw new RangeError(`${shape} is no number of a state`)
    codes[from] = shape
    return from + 1
  }
  let at = from
  for (const part of Object.values(shape)) at = write(part, at)
  return at
}

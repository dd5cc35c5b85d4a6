import { shaped, type OptionReader } from '../base/option-reader.ts'

/** What a table of option readers reads. */
export type ReadBy<T extends Readonly<Record<string, OptionReader<unknown>>>> = {
  readonly [K in keyof T]: ReturnType<T[K]>
}

export function functionOf<F>(): OptionReader<F> {
  return shaped('a function', (raw): raw is F => typeof raw === 'function')
}

import type { LoaderContext } from '../../src/contract/loader.ts'

export interface SlowLoader {
  readonly loader: (context: LoaderContext<unknown>) => Promise<unknown>
  /** Contexts of the runs so far. */
  readonly contexts: LoaderContext<unknown>[]
  /** Ends the run that was started last. */
  finish(value: unknown): void
  fail(error: Error): void
}

/** A loader that answers when the test says so. */
export function slowLoader(): SlowLoader {
  const contexts: LoaderContext<unknown>[] = []
  const runs: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = []
  return {
    contexts,
    loader: (context) => {
      contexts.push(context)
      return new Promise((resolve, reject) => runs.push({ resolve, reject }))
    },
    finish: (value) => runs.at(-1)?.resolve(value),
    fail: (error) => runs.at(-1)?.reject(error),
  }
}

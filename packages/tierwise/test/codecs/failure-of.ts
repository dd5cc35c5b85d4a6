import { inspect } from 'node:util'

/** Everything that a log would show of what `run` throws, causes included. */
export function failureOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return inspect(error)
  }
  throw new Error('It did not fail')
}

import type { Cache } from '../../../../src/contract/cache.ts'
import type { LoaderContext } from '../../../../src/contract/loader.ts'
import type { LoadOptions } from '../../../../src/contract/options.ts'

/** A load whose loader has read the source and has not answered yet. */
export interface HeldLoad {
  /** What the caller gets. */
  readonly result: Promise<unknown>
  /** Whether the loader has started. */
  readonly isRunning: boolean
  finish(): void
  fail(): void
}

export interface HeldLoadOptions extends LoadOptions {
  /** @default 'k' */
  readonly key?: string
  /** Called with the loader's context. */
  readonly onStart?: (context: LoaderContext<unknown>) => void
}

/** The row in the database: a number that counts its changes, so a value says how old it is. */
export class Source {
  value = 1
  loads = 0

  /** The row is written; nobody is told. */
  write(): number {
    return ++this.value
  }

  /** Loads at once. */
  readonly load = async (): Promise<number> => {
    this.loads++
    return this.value
  }

  /** Starts a `getOrSet` whose loader reads now, or when it starts, and answers when it is told to. */
  hold(cache: Cache<unknown>, { key = 'k', onStart, ...options }: HeldLoadOptions = {}): HeldLoad {
    let settle: { resolve: (value: number) => void; reject: (error: Error) => void } | undefined
    let read = 0
    const result = cache.getOrSet(
      key,
      (context) => {
        this.loads++
        read = this.value
        onStart?.(context)
        return new Promise<number>((resolve, reject) => (settle = { resolve, reject }))
      },
      options,
    )
    result.catch(() => undefined)
    return {
      result,
      get isRunning() {
        return settle !== undefined
      },
      finish: () => settle?.resolve(read),
      fail: () => settle?.reject(new Error('the source is down')),
    }
  }
}

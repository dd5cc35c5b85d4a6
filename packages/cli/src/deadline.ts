/** Rejects when `work` takes longer, or when the signal is aborted; the work itself goes on. */
export function inTime<T>(work: Promise<T>, timeoutMs: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => done(() => reject(new Error(`no answer within ${timeoutMs} ms`)))
    const stopped = (): void => done(() => reject(signal?.reason as Error))
    const timer = setTimeout(late, timeoutMs)
    const done = (settle: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stopped)
      settle()
    }
    if (signal?.aborted === true) return stopped()
    signal?.addEventListener('abort', stopped)
    work.then(
      (value) => done(() => resolve(value)),
      (error: unknown) => done(() => reject(error as Error)),
    )
  })
}

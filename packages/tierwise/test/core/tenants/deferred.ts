/** A promise that is resolved by hand. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((onDone) => {
    resolve = onDone
  })
  return { promise, resolve }
}

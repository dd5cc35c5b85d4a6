import type { TestRunner } from '../../src/testing/tier-conformance.ts'

/** Runs a suite and tells which of its tests fail, without making the surrounding test fail. */
export class CollectingRunner implements TestRunner {
  readonly #path: string[] = []
  readonly #tests: { readonly name: string; readonly body: () => Promise<void> }[] = []

  readonly describe = (name: string, body: () => void): void => {
    this.#path.push(name)
    body()
    this.#path.pop()
  }

  readonly it = (name: string, body: () => Promise<void>): void => {
    this.#tests.push({ name: [...this.#path.slice(1), name].join(': '), body })
  }

  get names(): readonly string[] {
    return this.#tests.map((test) => test.name)
  }

  /** Runs the tests of a chapter, or all. */
  async failures(chapter = ''): Promise<readonly string[]> {
    const failed: string[] = []
    for (const { name, body } of this.#tests) {
      if (!name.startsWith(chapter)) continue
      try {
        await body()
      } catch {
        failed.push(name)
      }
    }
    return failed
  }
}

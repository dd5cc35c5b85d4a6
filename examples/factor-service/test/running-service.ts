import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { onTestFinished } from 'vitest'

const entry = fileURLToPath(new URL('../dist/start.js', import.meta.url))

export interface Run {
  readonly code: number | null
  readonly output: string
}

export interface RunOptions {
  readonly dataDir: string
  /** Servers that the service finds in its environment. */
  readonly servers?: { readonly REDIS_URL?: string; readonly DATABASE_URL?: string }
  /** Sees everything printed so far, each time there is more. */
  readonly onOutput?: (output: string, interrupt: () => void) => void
}

/** Runs the built service until it ends. */
export async function run(args: readonly string[], { dataDir, servers, onOutput }: RunOptions): Promise<Run> {
  const child = spawn(process.execPath, [entry, '--data', dataDir, '--port', '0', ...args], {
    env: { ...process.env, REDIS_URL: '', DATABASE_URL: '', ...servers },
  })
  // Also when the test has given up on it.
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  // A second signal would end it at once.
  const interrupt = (): void => void (child.killed || child.kill('SIGINT'))
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    onOutput?.(output, interrupt)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** The number that stands before some words. */
export function numberBefore(output: string, words: string): number {
  return Number(new RegExp(`([\\d,]+) ${words}`).exec(output)?.[1]?.replaceAll(',', ''))
}

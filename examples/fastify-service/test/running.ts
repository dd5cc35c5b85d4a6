import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a service has done until it ended. */
export interface Run {
  readonly code: number | null
  readonly output: string
}

/** Runs the built service as a process of its own, and tells `use` where it serves. `stop` sends SIGTERM. */
export async function running(
  use: (origin: string, stop: () => void) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const start = fileURLToPath(new URL('../dist/start.js', import.meta.url))
  const child = spawn(process.execPath, [start], {
    env: { ...process.env, ...env, PORT: '0', REDIS_URL: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let used: Promise<void> | undefined
  let isStopped = false
  const stop = (): void => {
    if (!isStopped) child.kill('SIGTERM')
    isStopped = true
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    const origin = /serving at (\S+)/.exec(output)?.[1]
    if (origin !== undefined) used ??= use(origin, stop).finally(stop)
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await used
  return { code, output }
}

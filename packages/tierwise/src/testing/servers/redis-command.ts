import { runProgram } from './program.ts'

export interface RedisCommand {
  readonly target: readonly string[]
  readonly password: string | undefined
  readonly args: readonly string[]
}

/** The password travels in the environment: arguments can be seen by everybody on the machine. */
export async function runRedisCommand(cli: string, { target, password, args }: RedisCommand): Promise<string> {
  const env: Record<string, string> = password === undefined ? {} : { REDISCLI_AUTH: password }
  const printed = await runProgram(cli, ['-e', '--no-auth-warning', ...target, ...args], { env })
  return printed.replace(/\n$/, '')
}

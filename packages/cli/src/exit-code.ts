/** How a command ends. `interrupted` is what shells expect of a program that SIGINT has ended. */
export const exitCode = { ok: 0, problems: 1, usage: 2, failed: 3, interrupted: 130 } as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

import { readdirSync, readFileSync } from 'node:fs'
import { runProgram } from './program.ts'

/** Pids of the processes that a process has started and that are running. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const processes = process.platform === 'linux' ? linuxProcesses() : await listedProcesses()
  return processes.filter(([, parent]) => parent === pid).map(([child]) => child)
}

/** Says whether a process runs or is stopped; one that has ended and was not fetched by its parent does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return process.platform !== 'linux' || stateOf(pid) !== 'Z'
}

type PidAndParent = readonly [pid: number, parent: number]

function linuxProcesses(): readonly PidAndParent[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((name) => {
    const parent = Number(statOf(Number(name))?.[1])
    return Number.isNaN(parent) ? [] : [[Number(name), parent] as const]
  })
}

function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0]
}

/** State, parent and more. The name before them is in parentheses and may contain anything. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

async function listedProcesses(): Promise<readonly PidAndParent[]> {
  const lines = (await runProgram('ps', ['-A', '-o', 'pid=,ppid='])).trim().split('\n')
  return lines.map((line) => {
    const [pid = NaN, parent = NaN] = line.trim().split(/\s+/).map(Number)
    return [pid, parent]
  })
}

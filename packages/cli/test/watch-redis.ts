import { connect } from 'node:net'
import type { RedisServer } from 'tierwise/testing'
import { expect } from 'vitest'

/** Commands that change nothing; `CLIENT` names the own connection. */
export const harmless: readonly string[] = [
  'ACL DRYRUN',
  'ACL GETUSER',
  'ACL WHOAMI',
  'AUTH',
  'CLIENT SETINFO',
  'CLIENT SETNAME',
  'CONFIG GET',
  'ECHO',
  'GETRANGE',
  'HELLO',
  'INFO',
  'PING',
  'PTTL',
  'SCAN',
  'SELECT',
  'STRLEN',
  'TIME',
]

const families = ['CONFIG', 'ACL', 'CLIENT', 'CLUSTER', 'SENTINEL']

/** What goes to a server while `work` runs, as MONITOR tells: the names of commands, with their sub-commands. */
export async function commandsDuring(server: RedisServer, work: () => Promise<unknown>): Promise<readonly string[]> {
  const socket = connect(server.port, server.host)
  let told = ''
  socket.setEncoding('utf8').on('data', (text: string) => (told += text))
  if (server.password !== undefined) socket.write(`AUTH ${server.password}\r\n`)
  socket.write('MONITOR\r\n')
  await expect.poll(() => told).toMatch(/\+OK\r\n$/)
  await work()
  await server.command('ECHO', 'the end')
  await expect.poll(() => told).toContain('"the end"')
  socket.destroy()
  return told
    .split('\r\n')
    .filter((line) => /^\+\d/.test(line))
    .map((line) => {
      const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word.toUpperCase())
      return words.slice(0, families.includes(words[0] ?? '') ? 2 : 1).join(' ')
    })
}

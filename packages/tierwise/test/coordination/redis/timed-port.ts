import { createHash } from 'node:crypto'
import { RedisFailure } from '../../../src/clients/redis/client-failure.ts'
import type { RedisCommand, RedisPort, RedisReply } from '../../../src/clients/redis/port.ts'
import { timed, type ServerTime } from '../../fleet/real-schedules/server-clock.ts'

/** A port whose scripts go by a clock of the test. */
export function timedPort(port: RedisPort, time: ServerTime): RedisPort {
  const sent = new Map<string, string>()
  const send = (command: RedisCommand): Promise<RedisReply> => {
    const [name, script = '', ...rest] = command.args.map(String)
    if (name !== 'EVAL' && name !== 'EVALSHA') return port.send(command)
    if (name === 'EVAL') sent.set(createHash('sha1').update(script).digest('hex'), timed(script))
    const source = name === 'EVAL' ? timed(script) : sent.get(script)
    if (source === undefined) return Promise.reject(new RedisFailure('NOSCRIPT', 'reply', 'NOSCRIPT'))
    return port.send({ ...command, args: ['EVAL', source, ...rest, ...time.read()] })
  }
  return new Proxy(port, {
    get: (target, property) => {
      if (property === 'send') return send
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

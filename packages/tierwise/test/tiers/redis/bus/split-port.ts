import type { RedisPort } from '../../../../src/clients/redis/port.ts'

/** Sends commands over one port and listens over another. */
export function splitPort(data: RedisPort, listening: RedisPort): RedisPort {
  return {
    package: data.package,
    topology: data.topology,
    get isReady() {
      return data.isReady
    },
    connect: () => data.connect(),
    send: (command) => data.send(command),
    primaries: () => listening.primaries(),
    onConnect: (listener) => data.onConnect(listener),
    close: () => data.close(),
  }
}

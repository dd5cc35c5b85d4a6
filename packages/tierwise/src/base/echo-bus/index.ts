export type { EchoChannel, EchoEvents } from './channel.ts'
export { EchoBus, type EchoBusOptions } from './echo-bus.ts'
export { asciiJson, changeJson, readMessage, writeMessage, type EchoMessage } from './message.ts'

export type { EchoChannel, EchoEvents } from './channel.ts'
export { EchoBus } from './echo-bus.ts'
export { asciiJson, changeJson, readMessage, writeMessage } from './message.ts'

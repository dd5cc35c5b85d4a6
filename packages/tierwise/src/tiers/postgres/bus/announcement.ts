import { createHash } from 'node:crypto'

import { asciiJson, changeJson, writeMessage } from '../../../base/echo-bus/index.ts'
import type { BusChange } from '../../../contract/bus.ts'
import type { Tables } from '../tables.ts'

/** A payload of NOTIFY has less than 8000 bytes; the rest is for the clock of a tag. */
const longestPayload = 7900

export interface AnnouncerOptions {
  readonly tables: Tables
  /** Managers with different prefixes do not hear each other. */
  readonly scope: string
  /** Name of this instance in its messages. */
  readonly source: string
}

/** Writes what a statement tells on the channel in the moment in which it changes the table. */
export class Announcer {
  readonly channel: string
  readonly #source: string
  readonly #open: string

  constructor({ tables, scope, source }: AnnouncerOptions) {
    this.channel = channelName(tables, scope)
    this.#source = source
    this.#open = `[1,${asciiJson(source)},"C",[`
  }

  /** As few messages as hold the changes; where one of them is too long for any, a single one that says that all is lost. */
  changes(changes: readonly BusChange[]): readonly string[] {
    const messages: string[] = []
    let message = ''
    for (const change of changes) {
      const item = changeJson(change)
      if (this.#open.length + item.length > longestPayload) return [this.#lost()]
      if (message !== '' && message.length + item.length >= longestPayload) {
        messages.push(`${message}]]`)
        message = ''
      }
      message = message === '' ? this.#open + item : `${message},${item}`
    }
    if (message !== '') messages.push(`${message}]]`)
    return messages
  }

  /** The same for tags, in two parts: what comes before the clock, which only the statement knows, and what comes after. */
  tags(names: readonly string[]): { readonly before: string; readonly after: readonly string[] } {
    const before = `${this.#open}["T",`
    const after: string[] = []
    let list = ''
    for (const name of names) {
      const item = asciiJson(name)
      if (before.length + item.length > longestPayload) return { before: '', after: [this.#lost()] }
      if (list !== '' && before.length + list.length + item.length >= longestPayload) {
        after.push(`,[${list}]]]]`)
        list = ''
      }
      list = list === '' ? item : `${list},${item}`
    }
    if (list !== '') after.push(`,[${list}]]]]`)
    return { before, after }
  }

  #lost(): string {
    return writeMessage(this.#source, { kind: 'lost' })
  }
}

/**
 * Sends the messages of one parameter on the channel of another: an expression for the list of what a statement returns,
 * evaluated with its first row.
 */
export function tellText(channel: string, messages: string, message = 'told.part'): string {
  return `(select count(pg_notify(${channel}::text, ${message})::text) from unnest(${messages}::text[]) as told (part))`
}

/** The same for the parts of `Announcer.tags`, with the clock between them. */
export function tellTagsText(channel: string, before: string, after: string): string {
  const message = `case ${before}::text when '' then told.part else ${before}::text || clock.mark || told.part end`
  return tellText(channel, after, message)
}

/** The name of a channel has less than 64 bytes, and is known to everybody who may connect to the database. */
function channelName({ schemaName, base }: Tables, scope: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([schemaName, base, scope]))
    .digest('hex')
  return `tierwise_bus_${digest.slice(0, 32)}`
}

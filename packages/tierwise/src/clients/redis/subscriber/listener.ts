/** What a connection that listens tells. Nothing may throw. */
export interface ListenerWatcher {
  message(channel: string, message: Buffer): void
  /** The names of keys that anybody has changed; undefined for all of them. */
  touched(names: readonly string[] | undefined): void
  /** The connection is gone, or the server has ended a subscription because a slot moved. */
  ended(reason: unknown): void
}

export type ChannelKind = 'classic' | 'sharded'

/**
 * A connection of its own that only listens. It does not outlive its first failure: whoever needs it makes another one,
 * and so knows that something may have been missed in between, which the packages' own resubscribing would hide.
 */
export interface Listener {
  /** Connects. Rejects with why not. Called once. */
  open(watcher: ListenerWatcher): Promise<void>
  /** Tells of every change of a key with one of the prefixes. Called before `subscribe`, if at all; no prefix begins with another. */
  track(prefixes: readonly string[]): Promise<void>
  /** Resolves once everything that is published from now on will be told. May be called again for more channels. */
  subscribe(channels: readonly string[], kind: ChannelKind): Promise<void>
  /** Ends subscriptions of the kind `classic`. What is on its way may still be told. */
  unsubscribe(channels: readonly string[]): Promise<void>
  /** What was sent to this connection before the answer has been told before the promise resolves. */
  ping(): Promise<void>
  /** Idempotent; nothing is told afterwards. */
  close(): Promise<void>
}

/** Where a server without pushes (RESP2) sends the names of keys that changed. */
export const invalidationChannel = '__redis__:invalidate'

/** The command that tells changed names to the connection that sends it. */
export function trackingCommand(connectionId: unknown, prefixes: readonly string[]): readonly string[] {
  const wanted = prefixes.flatMap((prefix) => ['PREFIX', prefix])
  return ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(connectionId), 'BCAST', ...wanted]
}

/** What a message is for the watcher. On the channel of invalidations it is a list of names, or null for all. */
export function tellMessage(watcher: ListenerWatcher, channel: string, message: unknown): void {
  if (channel !== invalidationChannel) watcher.message(channel, message as Buffer)
  else watcher.touched(Array.isArray(message) ? message.map(String) : undefined)
}

/** Who listens to a channel. */
export interface EchoEvents {
  /** From now on everything that is sent is heard; what was sent before may be gone. */
  onOpen(): void
  onText(text: string): void
}

/**
 * A way on which everybody hears what everybody sends.
 *
 * What the proof of an echo bus rests on: whatever anybody had sent before `echo` was called is heard before the echo.
 * Where a text may have been lost, `onOpen` is called before anything that was sent after it is heard.
 */
export interface EchoChannel {
  /** Begins to listen, also again after `close`; goes on trying for as long as it fails. */
  open(events: EchoEvents): void
  /** The others hear the text. Sent within the call, where the channel can do that. */
  tell(text: string): Promise<void>
  /** The others hear the text, and so does the sender. */
  echo(text: string): Promise<void>
  /** What is sent does not come back: listen anew, and then call `onOpen`. */
  reopen(): void
  /** Nothing is heard from the call on. Idempotent. */
  close(): Promise<void>
}

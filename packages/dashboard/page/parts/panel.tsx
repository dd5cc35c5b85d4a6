import type { ComponentChildren, JSX } from 'preact'

interface PanelProps {
  readonly title: string
  /** Names the heading, by which the region is known. */
  readonly id: string
  readonly class?: string
  /** Beside the title. */
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}

export function Panel({ title, id, class: own = '', aside, children }: PanelProps): JSX.Element {
  return (
    <section class={`panel ${own}`} aria-labelledby={`${id}-title`} id={id}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside === undefined ? null : <div class="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  )
}

/** What is not there, and why or how it would come to be there. */
export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>
}

interface ScrollProps {
  readonly label: string
  readonly class?: string
  readonly children: ComponentChildren
}

/** What is wider or longer than its place; it can be scrolled with the keyboard. */
export function Scroll({ label, class: own = '', children }: ScrollProps): JSX.Element {
  return (
    <div class={`scroll ${own}`} role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  )
}

export type Tone = 'good' | 'warning' | 'bad' | 'info' | 'quiet'

const marks: Readonly<Record<Tone, string>> = { good: '●', warning: '▲', bad: '■', info: '○', quiet: '○' }

/** A state in a word; the mark has a shape of its own, because colour alone tells nothing to many. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }): JSX.Element {
  return (
    <span class={`badge ${tone}`}>
      <span class="mark" aria-hidden="true">
        {marks[tone]}
      </span>
      {children}
    </span>
  )
}

/** A share as a length, for those who see; the number stands beside it. */
export function Bar({
  share,
  class: own = '',
}: {
  readonly share: number | undefined
  readonly class?: string
}): JSX.Element {
  return (
    <span class={`bar ${own}`} aria-hidden="true">
      <i style={{ width: `${Math.min(100, Math.max(0, (share ?? 0) * 100))}%` }} />
    </span>
  )
}

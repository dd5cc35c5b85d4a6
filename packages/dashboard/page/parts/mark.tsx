import type { JSX } from 'preact'

export function Mark(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect x="3" y="5" width="26" height="6" rx="3" />
      <rect x="3" y="13" width="18" height="6" rx="3" opacity="0.75" />
      <rect x="3" y="21" width="10" height="6" rx="3" opacity="0.5" />
    </svg>
  )
}

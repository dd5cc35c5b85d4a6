import type { JSX } from 'preact'
import type { InvalidateRequest } from '../../src/wire.ts'

interface TagFormProps {
  readonly names: readonly string[]
  readonly onAsk: (request: InvalidateRequest) => void
}

export function TagForm({ names, onAsk }: TagFormProps): JSX.Element {
  const submit = (event: Event): void => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const [namespace, tag] = [given.get('namespace'), given.get('tag')]
    if (typeof namespace === 'string' && typeof tag === 'string') onAsk({ what: 'tag', namespace, tag })
  }
  return (
    <form class="fields" onSubmit={submit} aria-label="Invalidate by tag">
      <label>
        Namespace
        <select name="namespace" required>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="grow">
        Tag
        <input name="tag" required autocomplete="off" spellcheck={false} />
      </label>
      <button type="submit" class="danger">
        Invalidate by tag …
      </button>
    </form>
  )
}

import type { JSX } from 'preact'
import type { InvalidateRequest, Picture } from '../../src/wire.ts'
import { NamespaceField } from './namespace-field.tsx'

interface TagFormProps {
  readonly picture: Picture
  readonly onAsk: (request: InvalidateRequest) => void
}

export function TagForm({ picture, onAsk }: TagFormProps): JSX.Element {
  const submit = (event: Event): void => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const [namespace, tag] = [given.get('namespace'), given.get('tag')]
    if (typeof namespace === 'string' && typeof tag === 'string') onAsk({ what: 'tag', namespace, tag })
  }
  return (
    <form class="fields" onSubmit={submit} aria-label="Invalidate by tag">
      <NamespaceField picture={picture} />
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

import type { JSX } from 'preact'
import type { Picture } from '../../src/wire.ts'

/** A choice of namespaces; where there are too many to tell, a place for a name. */
export function NamespaceField({ picture }: { readonly picture: Picture }): JSX.Element {
  const { namespaces, otherNamespaces } = picture
  return (
    <label>
      Namespace
      {otherNamespaces > 0 ? (
        <input name="namespace" required autocomplete="off" spellcheck={false} />
      ) : (
        <select name="namespace" required>
          {namespaces.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </label>
  )
}

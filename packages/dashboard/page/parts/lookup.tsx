import { useEffect, useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { InspectAnswer, InspectRequest, InvalidateRequest, Picture, Session } from '../../src/wire.ts'
import { inspectKey } from '../api.ts'
import { InvalidateDialog } from './invalidate-dialog.tsx'
import { LookupResult } from './lookup-result.tsx'
import { NamespaceField } from './namespace-field.tsx'
import { Panel } from './panel.tsx'
import { TagForm } from './tag-form.tsx'

/** A key that was chosen elsewhere; `times` tells a second choice of the same from the first. */
export interface Looked {
  readonly namespace: string
  readonly key: string
  readonly times: number
}

interface LookupProps {
  readonly picture: Picture
  readonly session: Session
  readonly looked: Looked | undefined
}

interface Found {
  readonly request: InspectRequest
  readonly answer: InspectAnswer
}

export function Lookup({ picture, session, looked }: LookupProps): JSX.Element {
  const [found, setFound] = useState<Found | undefined>()
  const [problem, setProblem] = useState('')
  const [asked, setAsked] = useState<InvalidateRequest | undefined>()
  const look = (request: InspectRequest): Promise<void> =>
    inspectKey(request).then(
      (answer) => {
        setFound({ request, answer })
        setProblem('')
      },
      (error: Error) => {
        setFound(undefined)
        setProblem(error.message)
      },
    )
  return (
    <Panel title="Look up a key" id="lookup" class="span-8">
      <LookupForm picture={picture} looked={looked} onLook={(request) => void look(request)} />
      <p role="alert" class="problem">
        {problem}
      </p>
      {found === undefined ? (
        <p class="empty">What each tier holds of a key, without counting as a read. Nothing is changed by looking.</p>
      ) : (
        <LookupResult
          {...found}
          onInvalidate={session.allowWrites ? () => setAsked({ what: 'key', ...found.request }) : undefined}
        />
      )}
      {session.allowWrites ? (
        <TagForm picture={picture} onAsk={setAsked} />
      ) : (
        <p class="quiet">This dashboard is read-only: nothing can be invalidated from here.</p>
      )}
      <InvalidateDialog
        request={asked}
        onClose={() => setAsked(undefined)}
        onDone={() => void (found && look(found.request))}
      />
    </Panel>
  )
}

interface LookupFormProps {
  readonly picture: Picture
  readonly looked: Looked | undefined
  readonly onLook: (request: InspectRequest) => void
}

function LookupForm({ picture, looked, onLook }: LookupFormProps): JSX.Element {
  const form = useRef<HTMLFormElement>(null)
  const key = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const { current } = form
    if (looked === undefined || current === null) return
    ;(current.elements.namedItem('namespace') as HTMLSelectElement | HTMLInputElement).value = looked.namespace
    if (key.current !== null) key.current.value = looked.key
    key.current?.focus()
    onLook(looked)
  }, [looked])
  const submit = (event: Event): void => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const tenant = textOf(given, 'tenant')
    onLook({
      namespace: textOf(given, 'namespace'),
      key: textOf(given, 'key'),
      ...(tenant === '' ? {} : { tenant }),
    })
  }
  return (
    <form class="fields" ref={form} onSubmit={submit}>
      <NamespaceField picture={picture} />
      <label class="grow">
        Key
        <input name="key" ref={key} required maxLength={4096} autocomplete="off" spellcheck={false} />
      </label>
      <label>
        Tenant, if it has any
        <input name="tenant" autocomplete="off" spellcheck={false} />
      </label>
      <button type="submit">Look up</button>
    </form>
  )
}

function textOf(data: FormData, name: string): string {
  const value = data.get(name)
  return typeof value === 'string' ? value : ''
}

import { useEffect, useRef, useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { InvalidateRequest } from '../../src/wire.ts'
import { invalidate } from '../api.ts'

interface InvalidateDialogProps {
  /** Undefined while nothing is asked. */
  readonly request: InvalidateRequest | undefined
  readonly onClose: () => void
  readonly onDone?: () => void
}

/** Says what will happen, and does it only then. */
export function InvalidateDialog({ request, onClose, onDone }: InvalidateDialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (request !== undefined) dialog.current?.showModal()
    else if (dialog.current?.open) dialog.current.close()
  }, [request])
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="dialog-title" aria-describedby="dialog-text">
      {request === undefined ? null : (
        <Question request={request} onDone={onDone} close={() => dialog.current?.close()} />
      )}
    </dialog>
  )
}

interface QuestionProps {
  readonly request: InvalidateRequest
  readonly onDone: (() => void) | undefined
  readonly close: () => void
}

function Question({ request, onDone, close }: QuestionProps): JSX.Element {
  const [outcome, setOutcome] = useState<{ readonly text: string; readonly isGood: boolean } | undefined>()
  const [isBusy, setBusy] = useState(false)
  const closeButton = useRef<HTMLButtonElement>(null)
  const { title, text } = describe(request)
  const act = async (): Promise<void> => {
    setBusy(true)
    try {
      setOutcome({ text: (await invalidate(request)).done, isGood: true })
      onDone?.()
    } catch (error) {
      setOutcome({ text: (error as Error).message, isGood: false })
    }
    setBusy(false)
    closeButton.current?.focus()
  }
  return (
    <div class="stack">
      <h2 id="dialog-title">{title}</h2>
      <p id="dialog-text">{text}</p>
      <p role="status" class={outcome?.isGood === false ? 'problem' : 'done'}>
        {outcome?.text ?? ''}
      </p>
      <div class="buttons">
        <button type="button" ref={closeButton} onClick={close}>
          {outcome === undefined ? 'Leave it' : 'Close'}
        </button>
        {outcome === undefined ? (
          <button type="button" class="primary danger" disabled={isBusy} onClick={() => void act()}>
            Invalidate
          </button>
        ) : null}
      </div>
    </div>
  )
}

function describe(request: InvalidateRequest): { readonly title: string; readonly text: JSX.Element } {
  const place = (
    <>
      namespace <b>{request.namespace}</b>
      {request.tenant === undefined ? null : (
        <>
          , tenant <b>{request.tenant}</b>
        </>
      )}
    </>
  )
  const rest = 'In every tier, and in every instance that shares them. The next reads go to the source.'
  if (request.what === 'key')
    return {
      title: 'Invalidate this key?',
      text: (
        <>
          Key <b class="key">{request.key}</b> of {place} is forgotten. {rest}
        </>
      ),
    }
  if (request.what === 'tag')
    return {
      title: 'Invalidate by tag?',
      text: (
        <>
          Every entry of {place} that carries the tag <b class="key">{request.tag}</b> is forgotten. {rest} How many
          there are is not known before.
        </>
      ),
    }
  return {
    title: 'Clear this namespace?',
    text: (
      <>
        Every entry of {place} is forgotten. {rest} Until they are cached again, the source carries the whole load.
      </>
    ),
  }
}

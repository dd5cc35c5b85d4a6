import { useState } from 'preact/hooks'
import type { JSX } from 'preact'
import type { WindowName } from 'tierwise'
import type { InvalidateRequest, NamespaceView, Picture, Session } from '../../src/wire.ts'
import { bytes, count, percent, plural, span } from '../format.ts'
import { countersOf, namespaceCounters } from './counters.ts'
import { InvalidateDialog } from './invalidate-dialog.tsx'
import { Badge, Bar, Empty, Panel, Scroll } from './panel.tsx'

interface NamespacesProps {
  readonly picture: Picture
  readonly window: WindowName
  readonly session: Session
}

export function Namespaces({ picture, window, session }: NamespacesProps): JSX.Element {
  const [asked, setAsked] = useState<InvalidateRequest | undefined>()
  const { words } = countersOf(picture, window)
  return (
    <Panel title="Namespaces" id="namespaces" class="span-8" aside={<span>{words}, busiest first</span>}>
      {picture.namespaces.length === 0 ? (
        <Empty>
          A namespace appears when it is declared or used: <code>manager.namespace('factors')</code>.
        </Empty>
      ) : (
        <Scroll label="Namespaces" class="tall">
          <table>
            <thead>
              <tr>
                <th scope="col">Namespace</th>
                <th scope="col" class="n">
                  reads
                </th>
                <th scope="col" class="n">
                  hit rate
                </th>
                <th scope="col" class="n">
                  loads
                </th>
                <th scope="col" class="n">
                  invalidated
                </th>
                <th scope="col">coherence</th>
                <th scope="col" class="n">
                  ttl
                </th>
                <th scope="col" class="n">
                  in memory
                </th>
                <th scope="col">rules</th>
                {session.allowWrites ? <th scope="col">act</th> : null}
              </tr>
            </thead>
            <tbody>
              {picture.namespaces.map((view) => (
                <NamespaceRow
                  key={view.name}
                  {...{ view, picture, window }}
                  onClear={session.allowWrites ? setAsked : undefined}
                />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {picture.otherNamespaces > 0 ? (
        <p class="quiet">{plural(picture.otherNamespaces, 'more namespace')}, less busy.</p>
      ) : null}
      <CoherenceHelp />
      <InvalidateDialog request={asked} onClose={() => setAsked(undefined)} />
    </Panel>
  )
}

function CoherenceHelp(): JSX.Element {
  return (
    <details>
      <summary>What instances promise each other</summary>
      <dl class="help">
        <dt>bounded</dt>
        <dd>
          What others have changed is not served from memory for longer than a set time, or memory is passed over.
        </dd>
        <dt>eventual</dt>
        <dd>Others are told of changes; how soon is not proven.</dd>
        <dt>off</dt>
        <dd>Nothing: others are not told, or there are none that share a tier.</dd>
      </dl>
    </details>
  )
}

interface RowProps extends Pick<NamespacesProps, 'picture' | 'window'> {
  readonly view: NamespaceView
  readonly onClear: ((request: InvalidateRequest) => void) | undefined
}

function NamespaceRow({ view, picture, window, onClear }: RowProps): JSX.Element {
  const counted = namespaceCounters(picture, view, window)
  const { name, governance } = view
  return (
    <tr data-namespace={name}>
      <th scope="row">
        {name} <Policy view={view} />
      </th>
      <td class="n">{count(counted.gets)}</td>
      <td class="n">
        {percent(counted.hitRate)}
        <Bar share={counted.hitRate} />
      </td>
      <td class="n">
        {count(counted.loads)}
        {counted.loadFailures > 0 ? <span class="sub warning">▲ {count(counted.loadFailures)} failed</span> : null}
      </td>
      <td class="n">
        {count(counted.invalidations)}
        {counted.foreignChanges > 0 ? <span class="sub">{count(counted.foreignChanges)} by others</span> : null}
      </td>
      <td>{view.coherence ?? '–'}</td>
      <td class="n">
        {governance?.ttlMs === undefined ? 'endless' : span(governance.ttlMs)}
        {governance?.maxTtlMs === undefined ? null : <span class="sub">at most {span(governance.maxTtlMs)}</span>}
      </td>
      <td class="n">
        <Quota view={view} />
      </td>
      <td>
        <Rules view={view} />
      </td>
      {onClear === undefined ? null : (
        <td>
          <button type="button" class="plain danger" onClick={() => onClear({ what: 'namespace', namespace: name })}>
            Clear …<span class="sr"> {name}</span>
          </button>
        </td>
      )}
    </tr>
  )
}

function Policy({ view: { governance } }: Pick<RowProps, 'view'>): JSX.Element | null {
  const words = [governance?.dataClass, governance?.license && `licence ${governance.license}`].filter(Boolean)
  return words.length === 0 ? null : <span class="sub">{words.join(', ')}</span>
}

function Quota({ view: { governance } }: Pick<RowProps, 'view'>): JSX.Element {
  const quota = governance?.quota
  if (quota === undefined) return <>–</>
  const limit = quota.maxBytes ?? quota.maxEntries
  const used = quota.maxBytes === undefined ? quota.entries : quota.bytes
  return (
    <>
      {plural(quota.entries, 'key')}
      <span class="sub">
        {bytes(quota.bytes)}
        {quota.maxBytes === undefined ? '' : ` of ${bytes(quota.maxBytes)}`}
        {quota.maxEntries === undefined ? '' : `, at most ${count(quota.maxEntries)} keys`}
      </span>
      {limit === undefined ? null : <Bar share={used / limit} />}
    </>
  )
}

function Rules({ view: { governance } }: Pick<RowProps, 'view'>): JSX.Element {
  if (governance === undefined) return <>–</>
  const broken = Object.entries(governance.violations)
  if (broken.length === 0)
    return (
      <>
        kept <span class="sub">{governance.mode}</span>
      </>
    )
  return (
    <>
      {broken.map(([rule, times]) => (
        <Badge key={rule} tone="warning">
          {rule} × {count(times)}
        </Badge>
      ))}
      <span class="sub">{governance.mode}</span>
    </>
  )
}

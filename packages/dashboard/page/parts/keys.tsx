import type { JSX } from 'preact'
import type { Picture } from '../../src/wire.ts'
import { count, percent } from '../format.ts'
import { Bar, Empty, Panel, Scroll } from './panel.tsx'

interface HotKeysProps {
  readonly picture: Picture
  readonly onLookUp: (namespace: string, key: string) => void
}

export function HotKeys({ picture: { hotKeys }, onLookUp }: HotKeysProps): JSX.Element {
  return (
    <Panel title="Hot keys" id="hot-keys" class="span-6" aside={<span>estimated from samples</span>}>
      {hotKeys.length === 0 ? (
        <Empty>
          None yet. One read of about a thousand is sampled, and keys that come up again and again are listed here.
        </Empty>
      ) : (
        <Scroll label="Hot keys" class="tall">
          <table>
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">namespace</th>
                <th scope="col" class="n">
                  reads
                </th>
                <th scope="col" class="n">
                  of its namespace
                </th>
              </tr>
            </thead>
            <tbody>
              {hotKeys.map(({ namespace, key, reads, share }) => (
                <tr key={`${namespace} ${key}`}>
                  <th scope="row">
                    <button type="button" class="key" onClick={() => onLookUp(namespace, key)}>
                      <span class="sr">Look up </span>
                      {key}
                    </button>
                  </th>
                  <td>{namespace}</td>
                  <td class="n">{count(reads)}</td>
                  <td class="n">
                    {percent(share)}
                    <Bar share={share} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  )
}

export function Families({ picture: { keyFamilies } }: Pick<HotKeysProps, 'picture'>): JSX.Element {
  return (
    <Panel title="Key families" id="families" class="span-6" aside={<span>estimated from samples</span>}>
      {keyFamilies.length === 0 ? (
        <Empty>
          None yet. Keys that begin alike are summed up: <code>user:4711</code> and <code>user:4712</code> as{' '}
          <code>user:*</code>. A family with many misses is worth a look.
        </Empty>
      ) : (
        <Scroll label="Key families" class="tall">
          <table>
            <thead>
              <tr>
                <th scope="col">Family</th>
                <th scope="col">namespace</th>
                <th scope="col" class="n">
                  hits
                </th>
                <th scope="col" class="n">
                  misses
                </th>
                <th scope="col" class="n">
                  hit rate
                </th>
              </tr>
            </thead>
            <tbody>
              {keyFamilies.map(({ namespace, family, hits, misses }) => (
                <tr key={`${namespace} ${family}`}>
                  <th scope="row">
                    <span class="key">{family}</span>
                  </th>
                  <td>{namespace}</td>
                  <td class="n">{count(hits)}</td>
                  <td class="n">{count(misses)}</td>
                  <td class="n">
                    {percent(hits + misses === 0 ? undefined : hits / (hits + misses))}
                    <Bar share={hits / Math.max(1, hits + misses)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  )
}

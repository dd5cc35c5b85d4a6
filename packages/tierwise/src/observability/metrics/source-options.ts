import { optionError, positiveInteger, shaped, type OptionReader } from '../../base/option-reader.ts'
import { metrics } from './list.ts'
import type { MetricSourceOptions } from './metric-source.ts'

const taken = new Set<string>(metrics.flatMap(({ labels }) => labels))

/** Labels that somebody adds to every value. */
export const ownLabels: OptionReader<Readonly<Record<string, string>>> = (raw, path) => {
  const isTexts =
    typeof raw === 'object' && raw !== null && Object.values(raw).every((value) => typeof value === 'string')
  if (!isTexts) throw optionError(path, raw, 'an object of texts')
  const wrong = Object.keys(raw).find((name) => taken.has(name) || !/^[a-zA-Z_]\w*$/.test(name))
  if (wrong !== undefined) throw optionError(path, wrong, `labels that are not taken: ${[...taken].join(', ')}`)
  return raw as Readonly<Record<string, string>>
}

/** Readers for the options of a source. */
export const sourceOptions: {
  readonly maxNamespaces: OptionReader<number>
  readonly auditor: OptionReader<NonNullable<MetricSourceOptions['auditor']>>
  readonly coordination: OptionReader<NonNullable<MetricSourceOptions['coordination']>>
} = {
  maxNamespaces: positiveInteger,
  auditor: shaped(
    'an auditor',
    (raw): raw is NonNullable<MetricSourceOptions['auditor']> =>
      typeof raw === 'object' && raw !== null && 'report' in raw,
  ),
  coordination: shaped(
    'a coordination',
    (raw): raw is NonNullable<MetricSourceOptions['coordination']> =>
      typeof raw === 'object' && raw !== null && 'stats' in raw,
  ),
}

export { keepWarm, type KeptWarm } from './hot-keys/keep-warm.ts'
export type { KeepWarmOptions, KeptNamespace, RefreshHotKeysOptions } from './hot-keys/keep-warm-options.ts'
export { showProgress, type ProgressOptions, type ProgressStream } from './show-progress.ts'
export type { HotKeySource } from '../contract/warming.ts'

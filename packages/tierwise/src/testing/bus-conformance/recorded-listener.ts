import type { BusChange, BusListener } from '../../contract/bus.ts'

/** One call of a listener, in the order of all calls; `at` is when it came. */
export type Told = { readonly at: number } & (
  | { readonly kind: 'changed'; readonly lane: number; readonly change: BusChange }
  | { readonly kind: 'lost'; readonly lane: number }
  | { readonly kind: 'confirmed'; readonly lane: number; readonly instant: number }
)

/** Writes down what a bus tells. */
export class RecordedListener implements BusListener {
  readonly told: Told[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  changed(lane: number, changes: readonly BusChange[]): void {
    for (const change of changes) this.told.push({ at: this.#now(), kind: 'changed', lane, change })
  }

  lost(lane: number): void {
    this.told.push({ at: this.#now(), kind: 'lost', lane })
  }

  confirmed(lane: number, instant: number): void {
    this.told.push({ at: this.#now(), kind: 'confirmed', lane, instant })
  }

  arrived(): void {}

  touched(): void {}

  get changes(): readonly BusChange[] {
    return this.told.flatMap((each) => (each.kind === 'changed' ? [each.change] : []))
  }

  /** What was told of one lane. */
  of(lane: number): readonly Told[] {
    return this.told.filter((each) => each.lane === lane)
  }

  /** Whether the lane was confirmed for an instant not before this one. */
  isConfirmedSince(lane: number, instant: number): boolean {
    return this.told.some((each) => each.kind === 'confirmed' && each.lane === lane && each.instant >= instant)
  }
}

import type { FactorRequest, FactorResponse } from '../../../src/recipes/factor-broker.ts'

export interface Factor extends FactorResponse {
  readonly value: number
  readonly provenance: { readonly source: string; readonly retrievedAt: Date }
}

export const steel: FactorRequest = { product: 'Hot Rolled Steel', region: 'us', gwp: 'AR5', unit: 'kg', year: 2024 }
export const cement: FactorRequest = { product: 'cement', region: 'DE', gwp: 'AR6' }

/** A source that keeps count of what it is asked. Cement is of another data set; glass is not known. */
export class CountingSource {
  readonly asked: FactorRequest[] = []
  isDown = false

  readonly find = async (request: FactorRequest): Promise<Factor | undefined> => {
    this.asked.push(request)
    await Promise.resolve()
    if (this.isDown) throw new Error('the source is down')
    if (request.product === 'glass') return undefined
    const source = request.product === 'cement' ? 'defra' : 'ecoinvent'
    return { value: this.asked.length, provenance: { source, retrievedAt: new Date(0) } }
  }
}

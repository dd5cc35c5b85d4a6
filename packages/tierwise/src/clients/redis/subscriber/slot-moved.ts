/** A slot that is listened to has gone to another node: nothing has failed, but one has to listen there. */
export class SlotMoved extends Error {
  constructor() {
    super('a slot has moved')
  }
}

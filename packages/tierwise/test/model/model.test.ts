import { checkProof } from './check-proof.ts'
import { changesProof } from './keys/changes-proof.ts'
import { guardsProof } from './keys/guards-proof.ts'
import { lanesProof } from './keys/lanes-proof.ts'
import { deletionsProof } from './keys/deletions-proof.ts'

for (const proof of [deletionsProof, changesProof, lanesProof, guardsProof]) checkProof(proof)

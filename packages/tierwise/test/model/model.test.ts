import { checkProof } from './check-proof.ts'
import { changesProof } from './keys/changes-proof.ts'
import { deletionsProof } from './keys/deletions-proof.ts'
import { failoverProof } from './failover/proof.ts'
import { guardsProof } from './keys/guards-proof.ts'
import { lanesProof } from './keys/lanes-proof.ts'
import { rightToServeProof } from './right-to-serve.ts'
import { tagsProof } from './tags/proof.ts'

checkProof(deletionsProof)
checkProof(changesProof)
checkProof(lanesProof)
checkProof(guardsProof)
checkProof(rightToServeProof)
checkProof(tagsProof)
checkProof(failoverProof)

import { checkProof } from './check-proof.ts'
import { changesProof } from './keys/changes-proof.ts'
import { deletionsProof } from './keys/deletions-proof.ts'
import { failoverProof } from './failover/proof.ts'
import { guardsProof } from './keys/guards-proof.ts'
import { lanesProof } from './keys/lanes-proof.ts'
import { lowerTierProof } from './lower-tier.ts'
import { outageProof } from './outage.ts'
import { rightToServeProof } from './right-to-serve.ts'
import { tagsProof } from './tags/proof.ts'

// `MODEL_TRACE=1` prints how each weakening goes wrong, `MODEL_DEEP=1` explores the large casts too.
checkProof(deletionsProof)
checkProof(changesProof)
checkProof(lanesProof)
checkProof(guardsProof)
checkProof(rightToServeProof)
checkProof(tagsProof)
checkProof(failoverProof)
checkProof(lowerTierProof)
checkProof(outageProof)

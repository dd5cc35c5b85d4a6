import './on-redis.ts'
import '../../core/fleet/protocol-lines.test.ts'

import './on-redis.ts'
import '../../core/fleet/schedules/barriers.test.ts'
import '../../core/fleet/schedules/clocks.test.ts'

import './on-redis.ts'
import '../../core/fleet/schedules/lost-changes.test.ts'
import '../../core/fleet/schedules/outages.test.ts'

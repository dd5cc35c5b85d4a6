import './on-redis.ts'
import '../../core/fleet/schedules/outages.test.ts'

import './on-redis.ts'
import '../../core/fleet/schedules/tags.test.ts'

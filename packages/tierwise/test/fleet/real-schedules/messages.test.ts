import './on-redis.ts'
import '../../core/fleet/schedules/messages.test.ts'

import './on-redis.ts'
import '../../core/fleet/schedules/loads.test.ts'

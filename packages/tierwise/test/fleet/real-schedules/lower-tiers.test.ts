import './on-redis.ts'
import '../../core/fleet/schedules/lower-tiers.test.ts'

import { Injectable, Module } from '@nestjs/common'
import type { CacheManagerOptions } from 'tierwise'
import { memory } from 'tierwise/memory'
import { TierwiseModule } from 'tierwise/nestjs'
import { redis } from 'tierwise/redis'
import { WebModule } from './web.ts'

/** What is different from one place to another. */
@Injectable()
export class Settings {
  get cache(): CacheManagerOptions {
    const url = process.env['REDIS_URL']
    return {
      tiers: url === undefined ? [memory()] : [memory(), redis({ url })],
      defaults: { ttl: '5m', grace: '1h' },
    }
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Module({
  imports: [
    TierwiseModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: (settings: Settings) => ({ options: settings.cache }),
    }),
    WebModule,
  ],
})
export class App {}

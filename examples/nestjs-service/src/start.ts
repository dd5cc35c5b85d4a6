import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { CacheManager } from 'tierwise'
import { getCacheManagerToken } from 'tierwise/nestjs'
import { App } from './app.ts'
import { Web } from './web.ts'

const app = await NestFactory.createApplicationContext(App, { logger: ['error'] })
app
  .get<CacheManager>(getCacheManagerToken(), { strict: false })
  .on('lifecycle', ({ state }) => console.log(`the cache is ${state}`))
// SIGTERM closes the server, then the cache.
app.enableShutdownHooks()
console.log(`serving at ${app.get(Web, { strict: false }).url}`)

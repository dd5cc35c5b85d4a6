import { Inject, Injectable, Module } from '@nestjs/common'
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Factors, FactorModule } from './factors.ts'

/**
 * `GET` and `PUT /<material>`. A platform of Nest (Express, Fastify) listens and closes at the same points of the life
 * cycle; this one spares the example a dependency.
 */
@Injectable()
export class Web implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  constructor(@Inject(Factors) private readonly factors: Factors) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Before the cache is closed: requests that are under way still need it. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async #answer({ method, url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [material = '', factor] = url.slice(1).split('=')
    // A connection that is kept alive would hold up the end.
    response.setHeader('connection', 'close')
    if (method === 'PUT') await this.factors.save(material, Number(factor))
    response.end(JSON.stringify({ material, factor: await this.factors.find(material) }))
  }
}

@Module({ imports: [FactorModule], providers: [Web] })
export class WebModule {}

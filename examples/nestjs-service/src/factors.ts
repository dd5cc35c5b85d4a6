import { Inject, Injectable, Module } from '@nestjs/common'
import type { Cache } from 'tierwise'
import { Cached, InjectCache, Invalidates, TierwiseModule } from 'tierwise/nestjs'

/** Where factors come from: a database, usually. */
@Injectable()
export class FactorSource {
  readonly #table = new Map([['steel', 1.85]])
  reads = 0

  async read(material: string): Promise<number> {
    this.reads++
    return this.#table.get(material) ?? 0
  }

  async write(material: string, factor: number): Promise<void> {
    this.#table.set(material, factor)
  }
}

@Injectable()
export class Factors {
  constructor(
    @Inject(FactorSource) private readonly source: FactorSource,
    @InjectCache('factors') private readonly cache: Cache<number>,
  ) {}

  @Cached({ namespace: 'factors', ttl: '1h', key: (material: string) => material })
  async find(material: string): Promise<number> {
    return this.source.read(material)
  }

  @Invalidates({ namespace: 'factors', keys: (material: string) => [material] })
  async save(material: string, factor: number): Promise<void> {
    await this.source.write(material, factor)
  }

  async forget(): Promise<void> {
    await this.cache.clear()
  }
}

@Module({ imports: [TierwiseModule.forFeature(['factors'])], providers: [Factors, FactorSource], exports: [Factors] })
export class FactorModule {}

// What one writes with NestJS as its guide shows: controllers on Fastify, a ClientProxy over NATS; nothing validated.
import 'reflect-metadata'
import { Body, Controller, Get, Inject, Module, NotFoundException, Param, Post, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientsModule, Transport } from '@nestjs/microservices'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { firstValueFrom, timeout } from 'rxjs'

class OrderController {
  constructor(client) {
    this.client = client
  }

  ask(pattern, body) {
    return firstValueFrom(this.client.send(pattern, body).pipe(timeout(5_000)))
  }

  async create(order, response) {
    const created = await this.ask('nest.create_order', order)
    response.header('Location', `/api/v1/orders/${created.order_id}`)
    return created
  }

  async get(order_id) {
    const known = await this.ask('nest.get_order_status', { order_id })
    if (known.missing) throw new NotFoundException(known)
    return known
  }
}
class GatewayModule {}

// The decorators by hand, as JavaScript has none.
const { prototype } = OrderController
const method = (name, ...decorators) =>
  Reflect.decorate(decorators, prototype, name, Object.getOwnPropertyDescriptor(prototype, name))
Body()(prototype, 'create', 0)
Res({ passthrough: true })(prototype, 'create', 1)
method('create', Post())
Param('id')(prototype, 'get', 0)
method('get', Get(':id'))
Inject('ORDER')(OrderController, undefined, 0)
Controller('api/v1/orders')(OrderController)
Module({
  imports: [
    ClientsModule.register([
      { name: 'ORDER', transport: Transport.NATS, options: { servers: [process.env.NATS_URL] } },
    ]),
  ],
  controllers: [OrderController],
})(GatewayModule)

const app = await NestFactory.create(GatewayModule, new FastifyAdapter(), { logger: false })
await app.get('ORDER').connect()
const [host, port] = (process.env.HTTP_ADDR ?? '127.0.0.1:0').split(':')
await app.listen(Number(port), host)
console.log(JSON.stringify({ msg: 'running', url: await app.getUrl() }))

// What one writes with NestJS as its guide shows: a microservice over NATS that does the same durable work as hand_order.
import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import { Controller, Inject, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, Transport } from '@nestjs/microservices'
import { connect, StorageType } from 'nats'

const nc = await connect({ servers: process.env.NATS_URL, noAsyncTraces: true })
const jsm = await nc.jetstreamManager()
await jsm.streams.add({ name: 'NEST_EVENTS', subjects: ['nest.events.*'], storage: StorageType.File })
const js = nc.jetstream()
const orders = await js.views.kv('nest_orders', { storage: StorageType.File })

class OrderController {
  constructor(js, orders) {
    this.js = js
    this.orders = orders
  }

  async create(order) {
    const order_id = randomUUID()
    const occurred_at = new Date().toISOString()
    const event = { ...order, order_id, occurred_at }
    await this.js.publish('nest.events.order_created', JSON.stringify(event), { msgID: order_id })
    const record = { ...order, order_id, status: 'created', updated_at: occurred_at }
    await this.orders.create(order_id, JSON.stringify(record))
    return { order_id, status: 'created' }
  }

  async get({ order_id }) {
    const entry = await this.orders.get(order_id)
    if (!entry) return { missing: true }
    const { status, updated_at } = entry.json()
    return { order_id, status, updated_at }
  }
}
class OrderModule {}

// The decorators by hand, as JavaScript has none.
const { prototype } = OrderController
const method = (name, ...decorators) =>
  Reflect.decorate(decorators, prototype, name, Object.getOwnPropertyDescriptor(prototype, name))
method('create', MessagePattern('nest.create_order'))
method('get', MessagePattern('nest.get_order_status'))
Inject('JETSTREAM')(OrderController, undefined, 0)
Inject('ORDERS')(OrderController, undefined, 1)
Controller()(OrderController)
Module({
  providers: [
    { provide: 'JETSTREAM', useValue: js },
    { provide: 'ORDERS', useValue: orders },
  ],
  controllers: [OrderController],
})(OrderModule)

const app = await NestFactory.createMicroservice(OrderModule, {
  transport: Transport.NATS,
  options: { servers: [process.env.NATS_URL], queue: 'order' },
  logger: false,
})
await app.listen()
console.log('{"msg":"running"}')

import type { JetStreamManager } from 'nats'
import { eventually } from './wait'

/** Deletes a durable; a server that was just writing its state fails at first and is asked again. */
export async function deleteConsumer(manager: JetStreamManager, stream: string, name: string): Promise<void> {
  await eventually(`the consumer ${name} to be deleted`, () =>
    manager.consumers.delete(stream, name).then(
      () => true,
      (error: Error) => error.message.includes('not found'),
    ),
  )
}

import { type ExecaError, execa } from 'execa'
import type { Broker } from './broker'
import { atEnd } from './suite'
import type { Wire } from './wire'

/** Starts the process again each time it is killed, as an operator's supervisor does; tells how often that was. */
export function supervise(broker: Broker, manifest: string) {
  const options = { extendEnv: false, reject: false, env: { PATH: process.env.PATH, NATS_URL: broker.url } } as const
  let ended = false
  let child: ReturnType<typeof start>
  let kills = 0
  const start = () => execa('node', ['runtime', '--manifest', manifest], options)
  const run = async () => {
    while (!ended) {
      child = start()
      const result = (await child) as ExecaError
      if (result.signal === 'SIGKILL') kills++
    }
  }
  const over = run()
  const end = async () => {
    ended = true
    child.kill('SIGTERM')
    await over
  }
  atEnd(end)
  return { kills: () => kills, end }
}

/** Whose they are, reasons and attempts of what is in the dead letters, as they come. */
export function lettersOf({ nc }: Wire) {
  const letters: { of: string; n: number; reason?: string; attempts?: string }[] = []
  nc.subscribe('dlq.>', {
    callback: (_, { subject, data, headers }) => {
      const { n } = JSON.parse(Buffer.from(data).toString()) as { n: number }
      const of = subject.slice('dlq.'.length)
      letters.push({ of, n, reason: headers?.get('Dlq-Reason'), attempts: headers?.get('Dlq-Attempts') })
    },
  })
  return letters
}

/** Lets a durable deliver its next message, and hands that back, so often. */
export async function burnDeliveries({ nc }: Wire, stream: string, consumer: string, times: number): Promise<void> {
  const pulled = await nc.jetstream().consumers.get(stream, consumer)
  for (let time = 0; time < times; time++) {
    const message = await pulled.next()
    if (!message) throw new Error(`${consumer} has nothing to deliver`)
    message.nak()
    await nc.flush()
  }
}

import { type RuntimeProcess, startRuntime } from '../parts/process'

/** One process of a service. */
export interface Instance extends RuntimeProcess {
  service: string
  /** Where its gateway listens, if it has one. */
  url: string
}

// On a busy machine the proxy's look at `/ready` can come late by hundreds of milliseconds.
const shutdownDelayMs = 1_500

/** `node runtime --only <service>`, once it runs; `laters` counts what its functions put off, which burns no attempt. */
export async function startInstance(
  service: string,
  natsUrl: string,
  laters: Record<string, number>,
  manifest: string,
): Promise<Instance> {
  const started = startRuntime({
    args: ['--only', service, '--manifest', manifest],
    env: {
      NATS_URL: natsUrl,
      SHUTDOWN_DELAY_MS: String(service === 'gateway' ? shutdownDelayMs : 0),
      LOG_LEVEL: 'debug',
    },
    onLine({ msg, function: name, ending }) {
      if (msg === 'handled' && ending === 'later') laters[String(name)] = (laters[String(name)] ?? 0) + 1
    },
  })
  return { ...started, service, url: await started.running }
}

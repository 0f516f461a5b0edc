import type { Config, Handler } from '../_contracts'

export const config = { mode: 'rpc', subject: 'rpc.echo', queue: 'echo', concurrency: 1_024 } satisfies Config

export default ((said) => said) satisfies Handler<typeof config>

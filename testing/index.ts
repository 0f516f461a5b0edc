/** For tests of functions: a real broker, the functions on it, and a NATS client that knows nothing of the runtime. */
export { type Broker, startBroker } from './broker'
export { endWith } from './ends'
export { fromModule, type LogLine, runFunctions, type TestFunction, type TestHost } from './functions'
export { eventually } from './wait'
export { type Heard, openWire, type Wire } from './wire'

import { type Kind, orderId, time, user } from './kinds'

/** One body: its fields and which of them may be absent. The first right value of each makes the example. */
export interface Shape {
  fields: Record<string, Kind>
  optional?: readonly string[]
}

export interface MessageFixture extends Shape {
  /** The `Nats-Msg-Id` of the example; absent where what happened does not name the message. */
  id?: string
}

export interface RequestFixture {
  request: Shape
  reply: Shape
}

export type Fixtures = Record<string, MessageFixture | RequestFixture>

export const example = ({ fields }: Shape): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, { right }]) => [name, right[0]]))

/** Beside what it tells, every event of an order carries these, and happens once for an order. */
export function orderEvent(type: string, fields: Record<string, Kind>, optional: string[] = []): MessageFixture {
  return {
    fields: { order_id: orderId, user_id: user, occurred_at: time, ...fields },
    optional,
    id: `${type}:${orderId.right[0]}`,
  }
}

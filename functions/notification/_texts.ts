/** What the user is told of each event: the subject line and the text. */
export const texts: Record<string, (order: string) => { subject: string; text: string }> = {
  order_created: (order) => say(order, 'We have your order', 'We have it and are looking the goods out.'),
  inventory_reserved: (order) => say(order, 'Your goods are reserved', 'All of it is set aside for you.'),
  inventory_rejected: (order) => say(order, 'Something is not in stock', 'We cannot fill it, so it is cancelled.'),
  payment_captured: (order) => say(order, 'Your payment has arrived', 'Thank you; a courier is next.'),
  payment_declined: (order) => say(order, 'Your payment was declined', 'Nothing was charged; it is cancelled.'),
  delivery_assigned: (order) => say(order, 'A courier has your order', 'It will be picked up soon.'),
  delivery_picked_up: (order) => say(order, 'Your order is on its way', 'The courier has picked it up.'),
  delivery_completed: (order) => say(order, 'Your order has been delivered', 'Enjoy it.'),
  delivery_failed: (order) =>
    say(order, 'Your order could not be delivered', 'It is cancelled and your money comes back.'),
  order_cancel_requested: (order) => say(order, 'You asked to cancel', 'We are on it.'),
  order_cancelled: (order) => say(order, 'Your order is cancelled', 'What you paid, if anything, comes back to you.'),
  inventory_released: (order) => say(order, 'Your goods are back on the shelf', 'Nothing is held for you any more.'),
  inventory_shipped: (order) => say(order, 'Your goods have left our shelf', 'They travel with the courier.'),
  payment_refunded: (order) => say(order, 'Your money is on its way back', 'We have refunded all of it.'),
}

const say = (order: string, subject: string, text: string) => ({ subject, text: `Order ${order}: ${text}` })

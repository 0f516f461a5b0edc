/** What every log line about a message tells of its body, beside function, id, attempt and trace. */
export default { order: 'order_id' }

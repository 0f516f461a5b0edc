export * from '../../testing/broker'

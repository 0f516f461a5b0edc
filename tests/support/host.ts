export * from '../../testing/functions'

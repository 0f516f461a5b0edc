export * from '../../testing/wait'

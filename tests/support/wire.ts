export * from '../../testing/wire'

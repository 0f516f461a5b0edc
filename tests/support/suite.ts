export * from '../../testing/suite'

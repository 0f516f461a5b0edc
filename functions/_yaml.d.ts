declare module '*.yaml' {
  const document: object
  export default document
}

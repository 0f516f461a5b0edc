for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read has read enough, as `head` has.
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

/** One line on stdout. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** What the image, Compose and Kubernetes have to agree on; tests hold the files that a person writes against it. */
export const ports = { http: 8080, ops: 9090 }

/** The longest stop: `SHUTDOWN_DELAY_MS`, `DRAIN_MS` and three flushes of 5 s, as the files beside it set them. */
export const graceSeconds = 45

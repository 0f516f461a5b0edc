// Exits 0 where this container's process answers: at OPS_ADDR, or where it has none at the gateway's HTTP_ADDR.
const [, host, port] = /^(.*):(\d+)$/.exec(process.env.OPS_ADDR || process.env.HTTP_ADDR || ':8080') ?? []
const answer = await fetch(`http://${host || 'localhost'}:${port}/api/v1/health`).catch(() => undefined)
process.exit(answer?.ok ? 0 : 1)

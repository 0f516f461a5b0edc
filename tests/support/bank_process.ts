import { startBank } from './bank'

// The bank as a process of its own: BANK_PORT, SEED, and BANK_FAULTS as {"lost":0.1,"hang":0.05}; prints where it listens.
const { BANK_PORT = '0', BANK_FAULTS = '{}', SEED } = process.env
const bank = await startBank({
  port: Number(BANK_PORT),
  seed: SEED === undefined ? undefined : Number(SEED),
  faults: JSON.parse(BANK_FAULTS),
})
console.log(bank.url)

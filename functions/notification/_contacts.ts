import type { Channel } from './_contract'

/** How a user can be reached. A user without contacts has e-mail alone. */
export const channelsOf = async (_user: string): Promise<Channel[]> => ['email']

import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Executable, keep, type Machine } from './executable'

/** Downloaded and unpacked as any user: nothing is installed, and the system's own lists stay as they are. */
export function debianPackage(machine: Machine): Promise<Executable> {
  return keep(machine, async (folder, run) => {
    const apt = (args: string[], more: string[] = []) =>
      run('apt-get', [...args, ...[...options, ...more].flatMap((option) => ['-o', option])], 20)

    await apt(['download', 'nats-server']).catch(async () => {
      const own = [`Dir::State::Lists=${folder}/lists`, `Dir::Cache=${folder}/apt`]
      await mkdir(join(folder, 'lists', 'partial'), { recursive: true })
      await mkdir(join(folder, 'apt'))
      // Its exit code says little: a hook that only root may run fails it although the lists have come.
      const trouble = await apt(['update'], own).catch((error: Error) => error.message)
      if (trouble.includes('took longer')) throw new Error(trouble)
      await apt(['download', 'nats-server'], own)
    })
    const deb = (await readdir(folder)).find((file) => file.endsWith('.deb'))
    if (!deb) throw new Error('apt-get brought no package')
    await run('dpkg-deb', ['-x', deb, 'unpacked'], 20)
    return join(folder, 'unpacked', 'usr', 'sbin', 'nats-server')
  })
}

/** Root's sandbox user may not be able to read the project's folder. */
const options = [
  'APT::Sandbox::User=root',
  'Acquire::Retries=0',
  'Acquire::http::Timeout=5',
  'Acquire::https::Timeout=5',
]

import { startVersitygw } from '../servers/versitygw.ts'
import { slicesOnNetworks } from './networks.ts'

slicesOnNetworks('versitygw', startVersitygw)

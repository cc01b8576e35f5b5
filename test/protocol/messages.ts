/** Every message that is declared, in order of key. */
export { MESSAGES } from '../../src/protocol/messages/index.js'

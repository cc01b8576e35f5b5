/**
 * The principal inside an Envelope, as Kafka's default builder writes it, preceded by an int16 that is its version (KIP-590).
 */
import { bool, string } from '../../field.js'
import { Schema } from '../../schema.js'

export const DefaultPrincipalData = new Schema({
  name: 'DefaultPrincipalData',
  versions: [0, 0],
  flexible: 0,
  fields: {
    type: string,
    name: string,
    tokenAuthenticated: bool,
  },
})

/**
 * The name of the script that was handed over last, for the span of its command. The command says nothing but the hash, and
 * is handed over in the same turn.
 *
 * @internal
 */

export const script: { name: string | undefined } = { name: undefined }

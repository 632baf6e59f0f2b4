/** The folder of the repository, with a slash at its end. */
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../", import.meta.url))
